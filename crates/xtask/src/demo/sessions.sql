-- demo_sessions()
SELECT session.session_id, jsonb_strip_nulls(jsonb_build_object(
    'status', session.status,
    'failure', session.failure_code,
    'analysis_status', analysis.document ->> 'status',
    'category', analysis.document #>> '{category,label}',
    'sentiment_average', analysis.document #> '{sentiment,average}',
    'email_status', email.status,
    'webhook_status', synced.by_kind #>> '{webhook,status}',
    'email', to_jsonb(email),
    'hubspot', synced.by_kind -> 'hubspot',
    'salesforce', synced.by_kind -> 'salesforce',
    'webhook', synced.by_kind -> 'webhook',
    'steps', planned.steps,
    'took_ms', planned.took_ms,
    'turns', said.turns)) || jsonb_build_object('analysis', analysis.document) AS document
FROM sessions AS session
LEFT JOIN LATERAL (
    SELECT document FROM analyses WHERE (tenant_id, session_id) = (session.tenant_id, session.session_id)
    ORDER BY version DESC LIMIT 1
) AS analysis ON true
LEFT JOIN LATERAL (
    SELECT status, code, provider_id FROM email_log
    WHERE (tenant_id, session_id) = (session.tenant_id, session.session_id) ORDER BY created_at LIMIT 1
) AS email ON true
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(integrations.config ->> 'kind', to_jsonb(log)) AS by_kind
    FROM integration_log AS log JOIN integrations USING (tenant_id, integration_id)
    WHERE (log.tenant_id, log.session_id) = (session.tenant_id, session.session_id)
) AS synced
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('role', role, 'text', text, 'started_ms', started_ms, 'ended_ms', ended_ms)
                     ORDER BY seq) AS turns
    FROM transcript_turns WHERE (tenant_id, session_id) = (session.tenant_id, session.session_id)
) AS said
CROSS JOIN LATERAL (
    SELECT jsonb_agg(to_jsonb(step) ORDER BY planned_ms, kind <> 'notify', kind, integration) AS steps,
           max(coalesce(finished_ms, started_ms, planned_ms)) AS took_ms
    FROM (
        -- the step of an event has no version
        SELECT kind, greatest(steps.analysis_version, 1) AS version,
               concat_ws('/', steps.integration_id, event.type) AS integration, status, attempt, steps.code,
               round(extract(epoch FROM created_at - min(created_at) OVER ()) * 1000)::bigint AS planned_ms,
               round(extract(epoch FROM started_at - min(created_at) OVER ()) * 1000)::bigint AS started_ms,
               round(extract(epoch FROM finished_at - min(created_at) OVER ()) * 1000)::bigint AS finished_ms,
               to_char(started_at AT TIME ZONE 'UTC', 'HH24:MI:SS.MS') AS started,
               to_char(finished_at AT TIME ZONE 'UTC', 'HH24:MI:SS.MS') AS finished
        FROM steps LEFT JOIN webhook_events AS event USING (tenant_id, event_id)
        WHERE (steps.tenant_id, steps.session_id) = (session.tenant_id, session.session_id)
    ) AS step
) AS planned
WHERE session.tenant_id = $1
