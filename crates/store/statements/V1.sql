-- accept_session()
WITH accepted AS (
    INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, end_reason, visitor_id,
                          visitor_name, visitor_email, visitor_phone, visitor_locale, metadata, notification_hash,
                          transcript_carried, visitor_time_zone, visitor_email_consent, visitor_email_hash, status,
                          open_steps, notified_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 'processing', 1, now())
    ON CONFLICT (tenant_id, session_id) DO UPDATE
    SET agent_id = EXCLUDED.agent_id, channel = EXCLUDED.channel, started_at = EXCLUDED.started_at,
        ended_at = EXCLUDED.ended_at, end_reason = EXCLUDED.end_reason, visitor_id = EXCLUDED.visitor_id,
        visitor_name = EXCLUDED.visitor_name, visitor_email = EXCLUDED.visitor_email,
        visitor_phone = EXCLUDED.visitor_phone, visitor_locale = EXCLUDED.visitor_locale,
        visitor_time_zone = EXCLUDED.visitor_time_zone, visitor_email_consent = EXCLUDED.visitor_email_consent,
        visitor_email_hash = EXCLUDED.visitor_email_hash,
        metadata = EXCLUDED.metadata, notification_hash = EXCLUDED.notification_hash,
        transcript_carried = EXCLUDED.transcript_carried, status = EXCLUDED.status,
        open_steps = EXCLUDED.open_steps, notified_at = EXCLUDED.notified_at, transcript_purged_at = NULL,
        erased_at = NULL
    WHERE sessions.status = 'active'
    RETURNING tenant_id, session_id
), turns AS (
    INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text, started_ms, ended_ms)
    SELECT tenant_id, session_id, turn.number - 1, turn.role, turn.text, turn.started_ms, turn.ended_ms
    FROM accepted, unnest($19::text[], $20::text[], $21::int[], $22::int[])
         WITH ORDINALITY AS turn (role, text, started_ms, ended_ms, number)
    ON CONFLICT (tenant_id, session_id, seq) DO NOTHING
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, message)
    SELECT tenant_id, session_id, 'analyze', 1, $23 FROM accepted
)
SELECT tenant_id FROM accepted;

-- admit()
WITH gate AS (
    SELECT * FROM integration_gates WHERE tenant_id = $1 AND integration_id = $5 FOR UPDATE
), clock AS (
    SELECT gate.*, clock_timestamp() AS at,
           (SELECT booked_at FROM steps WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6)) AS booked_at
    FROM gate
), seen AS (
    SELECT *, extract(epoch FROM at)::bigint AS second,
           ARRAY(SELECT lease FROM unnest(leases) AS lease WHERE lease > at) AS live,
           ARRAY(SELECT coalesce(spent[n + least(extract(epoch FROM at)::bigint - spent_at, 13)::int], 0)
                 FROM generate_series(1, 13) AS n) AS recent
    FROM clock
), judged AS (
    SELECT *, at + $7 * interval '1 millisecond' AS lease, CASE
        WHEN limited_until > at THEN limit_code
        WHEN failures >= $11 AND greatest(open_until, probe_until) > at THEN 'circuit_open'
        WHEN cardinality(live) >= $10 THEN 'too_many_at_once'
        WHEN booked_at > at + interval '1 second' THEN 'paced'
        WHEN (SELECT sum(n) FROM unnest(recent) AS n) + $8 > $9 THEN 'paced'
        WHEN booked_at IS NULL AND line_until > at THEN 'paced'
    END AS refusal
    FROM seen
), placed AS (
    SELECT *, refusal = 'too_many_at_once' OR (refusal = 'paced' AND booked_at IS NULL) AS books,
           greatest(line_until, at) + CASE WHEN refusal = 'paced' THEN 13.0 * $8 / $9 ELSE 0.1 END * interval '1 second'
               AS turn
    FROM judged
), changed AS (
    UPDATE integration_gates
    SET leases = CASE WHEN refusal IS NULL THEN live || lease ELSE live END,
        probe_until = CASE WHEN refusal IS NULL AND placed.failures >= $11 THEN lease ELSE placed.probe_until END,
        spent = CASE WHEN refusal IS NULL THEN recent[1:12] || (recent[13] + $8) ELSE recent END, spent_at = second,
        line_until = CASE WHEN books THEN turn ELSE placed.line_until END
    FROM placed WHERE integration_gates.tenant_id = $1 AND integration_gates.integration_id = $5
), booked AS (
    UPDATE steps SET booked_at = CASE WHEN books THEN turn END
    FROM placed
    WHERE steps.tenant_id = $1 AND steps.session_id = $2
      AND (steps.kind, steps.analysis_version, steps.integration_id, steps.event_id) = ($3, $4, $5, $6)
      AND (books OR (refusal IS NULL AND placed.booked_at IS NOT NULL))
)
SELECT refusal, lease, greatest(extract(epoch FROM CASE
           WHEN limited_until > at THEN limited_until + random() * interval '2 seconds'
           WHEN refusal = 'circuit_open' AND open_until > at THEN open_until + random() * interval '10 seconds'
           WHEN refusal = 'circuit_open' THEN at + interval '5 seconds' + random() * interval '10 seconds'
           WHEN books THEN turn
           WHEN booked_at > at THEN booked_at
           ELSE at + interval '1 second' + random() * interval '1 second'
       END - at) * 1000, 0)::float8 AS wait_ms
FROM placed;

-- alerts_at_work()
SELECT alert_id, rule, opened_at, closed_at, closed_as, failures, codes, last_failure_at, mail_status, mail_at,
       recovery_status, recovery_at
FROM alerts
WHERE tenant_id = $1
  AND (closed_at IS NULL OR mail_status IN ('pending', 'sending') OR recovery_status IN ('pending', 'sending'))
ORDER BY opened_at, alert_id;

-- begin_model_call()
WITH claimed AS (
    SELECT replays FROM steps
    WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND attempt = $7 AND status = 'running'
    FOR SHARE
), next AS (
    SELECT replays, (SELECT count(*)::int + 1 FROM model_calls
                     WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $4 AND (split, part) = ($8, $9)
                       AND replay = replays AND outcome <> 'no_answer') AS attempt
    FROM claimed
), begun AS (
    INSERT INTO model_calls (tenant_id, session_id, analysis_version, split, part, call_id, replay, attempt, model,
                             prompt_version)
    SELECT $1, $2, $4, $8, $9, $10, replays, attempt, $11, $12 FROM next WHERE attempt <= $13
    RETURNING attempt
)
SELECT begun.attempt FROM next LEFT JOIN begun ON true;

-- begun_versions()
SELECT analysis_version, status, keyed FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND attempts > 0;

-- claim_step()
UPDATE steps
SET status = 'running', attempt = attempt + 1, due_at = now() + $7 * interval '1 millisecond', code = NULL,
    started_at = coalesce(started_at, now())
WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6)
  AND (status = 'pending' OR (status = 'running' AND due_at < clock_timestamp()))
RETURNING attempt, message;

-- claim_waiting_step()
WITH claimed AS (
    UPDATE steps
    SET status = 'running', attempt = attempt + 1, due_at = now() + $7 * interval '1 millisecond', code = NULL
    WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND status = 'waiting'
    RETURNING attempt, message
), session AS (
    UPDATE sessions
    SET waiting_steps = waiting_steps - 1, status = CASE WHEN waiting_steps > 1 THEN 'waiting' ELSE 'processing' END
    FROM claimed WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND $3 <> 'webhook_event'
)
SELECT attempt, message FROM claimed;

-- close_alert()
UPDATE alerts
SET closed_at = now(), closed_as = $3, recovery_status = CASE WHEN $3 = 'recovered' THEN 'pending' END
WHERE tenant_id = $1 AND alert_id = $2 AND closed_at IS NULL;

-- disable_integration()
UPDATE integrations
SET enabled = false, disabled_code = $3, disabled_reason = $4, disabled_at = now(), updated_at = now()
WHERE tenant_id = $1 AND integration_id = $2 AND enabled AND removed_at IS NULL AND updated_at = $5;

-- disabled_integrations()
SELECT integration_id, disabled_code, disabled_reason, disabled_at,
       (SELECT count(DISTINCT session_id) FROM steps WHERE tenant_id = $1 AND status = 'waiting' AND code = $2
        AND steps.integration_id = integrations.integration_id) AS waiting
FROM integrations WHERE tenant_id = $1 AND disabled_code IS NOT NULL AND removed_at IS NULL ORDER BY integration_id;

-- email()
SELECT email_id, template, template_version, locale, recipient, status, code, provider_id, attempts,
       coalesce(attachments, '{}') AS attachments, attachments_left_out, sending_at, resent_at, sent_at, created_at, updated_at
FROM email_log WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3;

-- email_of_event()
SELECT template, analysis_version FROM email_log WHERE tenant_id = $1 AND email_id = $2;

-- end_model_call()
WITH ended AS (
    UPDATE model_calls
    SET outcome = $5, code = $6, input_tokens = $7, output_tokens = $8, cached_tokens = $9, cache_write_tokens = $10,
        cost_usd = $11, latency_ms = $12, ended_at = now()
    WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3 AND call_id = $4 AND outcome = 'begun'
    RETURNING tenant_id, ended_at, cost_usd, (outcome <> 'no_answer')::int AS answered
)
INSERT INTO model_spend (tenant_id, month, cost_usd, calls)
SELECT tenant_id, date_trunc('month', ended_at AT TIME ZONE 'UTC')::date, coalesce(cost_usd, 0), answered FROM ended
ON CONFLICT (tenant_id, month) DO UPDATE
SET cost_usd = model_spend.cost_usd + EXCLUDED.cost_usd, calls = model_spend.calls + EXCLUDED.calls;

-- end_renewal()
UPDATE integration_gates SET renewing_until = NULL
WHERE tenant_id = $1 AND integration_id = $2 AND renewing_until = $3;

-- erase_mails()
WITH own AS (
    SELECT email_id FROM email_log
    WHERE tenant_id = $1 AND recipient_hash = $2
      AND EXISTS (SELECT FROM sessions WHERE sessions.tenant_id = $1 AND sessions.session_id = email_log.session_id
                  AND sessions.status IN ('completed', 'failed'))
    LIMIT $3 FOR UPDATE
), events AS (
    DELETE FROM email_events USING own WHERE tenant_id = $1 AND email_events.email_id = own.email_id RETURNING type
), bodies AS (
    DELETE FROM email_bodies USING own WHERE tenant_id = $1 AND email_bodies.email_id = own.email_id
    RETURNING created_at
), mails AS (
    UPDATE email_log SET recipient = NULL, recipient_hash = '', keep_events = false, updated_at = now()
    FROM own WHERE email_log.tenant_id = $1 AND email_log.email_id = own.email_id
    RETURNING email_log.email_id
)
SELECT 0::bigint AS sessions, 0::bigint AS turns, 0::bigint AS analyses, (SELECT count(*) FROM mails) AS mails,
       (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM bodies) AS bodies;

-- erase_sessions()
WITH own AS (
    SELECT session_id FROM sessions
    WHERE tenant_id = $1 AND (status IN ('completed', 'failed') OR (status = 'active' AND started_at < now() - interval '30 days')) AND (visitor_email_hash = $2
       OR (visitor_email_hash IS NULL AND visitor_email IS NOT NULL AND lower(btrim(visitor_email)) = ANY ($3::text[])))
    LIMIT $4 FOR UPDATE
), turns AS (
    DELETE FROM transcript_turns USING own WHERE tenant_id = $1 AND transcript_turns.session_id = own.session_id
    RETURNING seq
), analyses AS (
    DELETE FROM analyses USING own WHERE tenant_id = $1 AND analyses.session_id = own.session_id RETURNING version
), parts AS (
    DELETE FROM analysis_parts USING own WHERE tenant_id = $1 AND analysis_parts.session_id = own.session_id
    RETURNING part
), mails AS (
    UPDATE email_log SET recipient = NULL, recipient_hash = '', keep_events = false, updated_at = now()
    FROM own WHERE email_log.tenant_id = $1 AND email_log.session_id = own.session_id
    RETURNING email_id
), events AS (
    DELETE FROM email_events USING mails WHERE tenant_id = $1 AND email_events.email_id = mails.email_id RETURNING type
), bodies AS (
    DELETE FROM email_bodies USING mails WHERE tenant_id = $1 AND email_bodies.email_id = mails.email_id
    RETURNING created_at
), answers AS (
    UPDATE webhook_attempts SET answer = NULL
    FROM own WHERE webhook_attempts.tenant_id = $1 AND webhook_attempts.session_id = own.session_id
), erased AS (
    UPDATE sessions
    SET visitor_id = NULL, visitor_name = NULL, visitor_email = NULL, visitor_phone = NULL, visitor_locale = NULL,
        visitor_time_zone = NULL, visitor_email_consent = NULL, visitor_email_hash = NULL, metadata = '{}',
        transcript_purged_at = coalesce(transcript_purged_at, now()),
        analyses_purged_at = coalesce(analyses_purged_at, now()), erased_at = now()
    FROM own WHERE sessions.tenant_id = $1 AND sessions.session_id = own.session_id
    RETURNING sessions.session_id
)
SELECT (SELECT count(*) FROM erased) AS sessions, (SELECT count(*) FROM turns) AS turns,
       (SELECT count(*) FROM analyses) + (SELECT count(*) FROM parts) AS analyses,
       (SELECT count(*) FROM mails) AS mails, (SELECT count(*) FROM events) AS events,
       (SELECT count(*) FROM bodies) AS bodies;

-- failed_steps_of()
SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id, code, message FROM steps
WHERE tenant_id = $1 AND status = 'failed' AND integration_id = $2 AND session_id > $6
  AND (session_id = $3 OR (finished_at >= $4 AND finished_at < $5))
ORDER BY session_id, kind, analysis_version, created_at, event_id LIMIT $7;

-- failures_since()
WITH by_session AS (
    SELECT CASE kind WHEN 'webhook_event' THEN 'crm_sync' ELSE kind END AS stage, code, session_id, count(*) AS failures,
           max(occurred_at) AS last_at
    FROM failures WHERE tenant_id = $1 AND occurred_at >= $2 GROUP BY 1, 2, 3
)
SELECT stage AS step, code, sum(failures)::bigint AS failures, count(*) AS session_count, max(last_at) AS last_at,
       (array_agg(session_id ORDER BY last_at DESC, session_id))[1:10] AS sessions
FROM by_session GROUP BY stage, code ORDER BY failures DESC, stage, code;

-- finish_step()
WITH finished AS (
    UPDATE steps SET status = $8, code = $9, finished_at = now()
    WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND attempt = $7 AND status IN ('pending', 'running')
    RETURNING code, (status = 'failed')::int AS failed, (kind <> 'webhook_event')::int AS counted
), failure AS (
    INSERT INTO failures (tenant_id, session_id, kind, code) SELECT $1, $2, $3, code FROM finished WHERE failed = 1
), unfinished_sync AS (
    UPDATE integration_log
    SET status = 'failed', code = finished.code, error = concat_ws(' ', error, $10::text), writing_until = NULL,
        updated_at = now()
    FROM finished
    WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $5 AND analysis_version = $4 AND $3 = 'crm_sync'
      AND failed = 1 AND integration_log.status IN ('pending', 'writing')
), ended AS (
    UPDATE sessions
    SET open_steps = open_steps - counted, failed_steps = failed_steps + failed * counted,
        failure_code = CASE WHEN failed_steps + failed * counted > 0 THEN coalesce(
            failure_code, CASE WHEN failed * counted = 1 THEN code END, (
            SELECT code FROM steps
            WHERE tenant_id = $1 AND session_id = $2 AND status = 'failed' AND kind <> 'webhook_event'
              AND (kind, analysis_version, integration_id, event_id) <> ($3, $4, $5, $6)
            ORDER BY finished_at LIMIT 1)) END,
        status = CASE WHEN counted = 0 OR open_steps > 1 THEN status
                      WHEN failed_steps + failed > 0 THEN 'failed' ELSE 'completed' END,
        finished_at = CASE WHEN counted = 0 THEN finished_at WHEN open_steps = 1 THEN now() END,
        has_new_failure = has_new_failure OR failed * counted = 1,
        failures_reported = failures_reported + (counted = 1 AND open_steps = 1 AND failed_steps + failed > 0
                                                 AND (has_new_failure OR failed = 1))::int
    FROM finished WHERE sessions.tenant_id = $1 AND sessions.session_id = $2
    RETURNING status, failure_code, failures_reported,
              counted = 1 AND open_steps = 0 AND status = 'failed' AND has_new_failure AS is_reported
), events AS (
    INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, code, occurrence)
    SELECT $1, gen_random_uuid(), $2, integration_id, 'session.failed', coalesce(failure_code, 'unknown'),
           failures_reported
    FROM ended JOIN integrations ON integrations.tenant_id = $1 AND removed_at IS NULL
        AND (enabled OR disabled_code IS NOT NULL) AND config ->> 'kind' = 'webhook' AND config -> 'events' ? 'session.failed'
    WHERE is_reported
    RETURNING tenant_id, session_id, integration_id, event_id
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id)
    SELECT tenant_id, session_id, 'webhook_event', 0, integration_id, event_id FROM events
)
SELECT status FROM ended;

-- finish_sync()
UPDATE integration_log
SET status = $5, record_id = coalesce($6, record_id), code = $7, error = $8, notice = $9, writing_until = NULL,
    tries = tries + $10::int, synced_at = CASE WHEN $5 = 'done' THEN now() END, updated_at = now()
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4 AND status <> 'done';

-- forget_note_key()
UPDATE integrations SET connection = jsonb_set(connection, '{unique_note_property}', 'false'), updated_at = now()
WHERE tenant_id = $1 AND integration_id = $2;

-- forget_recipient()
WITH leases AS (
    DELETE FROM person_leases WHERE tenant_id = $1 AND address_hash = $2
)
DELETE FROM email_recipients WHERE tenant_id = $1 AND address_hash = $2;

-- integration()
SELECT tenant_id, integration_id, enabled, config, secret_name, disabled_code, disabled_reason, disabled_at, removed_at,
       connection, updated_at
FROM integrations WHERE tenant_id = $1 AND integration_id = $2;

-- integrations_to_sync()
SELECT tenant_id, integration_id, enabled, config, secret_name, disabled_code, disabled_reason, disabled_at, removed_at,
       connection
FROM integrations
WHERE tenant_id = $1 AND removed_at IS NULL AND (enabled OR disabled_code IS NOT NULL) ORDER BY integration_id;

-- keep_body()
INSERT INTO email_bodies (tenant_id, email_id, subject, text, html)
SELECT $1, $2, $3, $4, $5 FROM email_log WHERE tenant_id = $1 AND email_id = $2
ON CONFLICT (tenant_id, email_id) DO UPDATE
SET subject = EXCLUDED.subject, text = EXCLUDED.text, html = EXCLUDED.html, created_at = now();

-- last_success()
SELECT finished_at FROM steps
WHERE tenant_id = $1 AND status = 'done' AND finished_at > $2
  AND ($3::text IS NULL OR CASE kind WHEN 'webhook_event' THEN 'crm_sync' ELSE kind END = $3)
ORDER BY finished_at DESC LIMIT 1;

-- latest_analysis_version()
SELECT version FROM analyses WHERE tenant_id = $1 AND session_id = $2 ORDER BY version DESC LIMIT 1;

-- leave()
UPDATE integration_gates
SET leases = array_remove(leases, $3), probe_until = CASE WHEN probe_until = $3 THEN NULL ELSE probe_until END,
    failures = CASE WHEN $4 OR ($6 AND $7::float8 IS NULL) THEN 0
                    WHEN $5 AND coalesce(open_until, '-infinity') < now() THEN failures + 1 ELSE failures END,
    open_until = CASE
        WHEN $4 OR ($6 AND $7::float8 IS NULL) THEN NULL
        WHEN ($5 OR $13) AND coalesce(open_until, '-infinity') < now() AND failures + $5::int >= $10
            THEN now() + least($8 * power(2, least(failures + $5::int - $10, 20)), $9) * interval '1 millisecond'
        ELSE open_until
    END,
    failing_since = CASE WHEN $4 THEN NULL WHEN $5 OR $6 THEN coalesce(failing_since, now()) ELSE failing_since END,
    last_success_at = CASE WHEN $4 THEN now() ELSE last_success_at END,
    limited_until = CASE WHEN $7::float8 IS NULL THEN limited_until
                         ELSE greatest(limited_until, now() + $7 * interval '1 millisecond') END,
    limit_code = CASE WHEN coalesce(limited_until, '-infinity') < now() + $7 * interval '1 millisecond' THEN $11
                      ELSE limit_code END,
    spent = CASE WHEN $12 > 0 THEN spent[1:12] || (coalesce(spent[13], 0) + $12) ELSE spent END
WHERE tenant_id = $1 AND integration_id = $2
RETURNING coalesce(extract(epoch FROM now() - failing_since), 0)::float8 AS failing_seconds,
          CASE WHEN failures >= $10 THEN greatest(extract(epoch FROM open_until - now()), 0)::float8 END AS open_seconds;

-- local_date() reads no table
SELECT ($2::timestamptz AT TIME ZONE $1)::date AS date;

-- model_spend()
SELECT cost_usd FROM model_spend
WHERE tenant_id = $1 AND month = date_trunc('month', $2 AT TIME ZONE 'UTC')::date;

-- model_usage()
SELECT count(*) FILTER (WHERE outcome <> 'no_answer') AS attempts,
       coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
       coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
       coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
       coalesce(sum(cache_write_tokens), 0)::bigint AS cache_write_tokens,
       CASE WHEN count(*) FILTER (WHERE outcome <> 'no_answer' AND cost_usd IS NULL) = 0
            THEN coalesce(sum(cost_usd), 0) END AS cost_usd,
       coalesce(sum(latency_ms), 0)::bigint AS latency_ms,
       (array_agg(model ORDER BY began_at DESC, call_id DESC))[1] AS last_model
FROM model_calls WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3;

-- not_sent_email()
WITH changed AS (
    INSERT INTO email_log (tenant_id, email_id, session_id, analysis_version, template, locale, recipient, status, code)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (tenant_id, session_id, analysis_version) DO UPDATE
    SET status = EXCLUDED.status, code = EXCLUDED.code, template = EXCLUDED.template,
        locale = coalesce(EXCLUDED.locale, email_log.locale),
        recipient = EXCLUDED.recipient, updated_at = now()
    WHERE email_log.status IN ('queued', 'failed', 'skipped')
    RETURNING session_id, email_id, status
), events AS (
    INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, email_id, email_status)
    SELECT $1, gen_random_uuid(), session_id, integration_id, 'email.status', email_id, status
    FROM changed JOIN integrations ON integrations.tenant_id = $1 AND removed_at IS NULL
        AND (enabled OR disabled_code IS NOT NULL) AND config ->> 'kind' = 'webhook' AND config -> 'events' ? 'email.status'
    WHERE status NOT IN ('queued', 'sending')
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, session_id, integration_id, event_id
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id)
    SELECT tenant_id, session_id, 'webhook_event', 0, integration_id, event_id FROM events
)
SELECT count(*) FROM changed;

-- open_alert()
INSERT INTO alerts (tenant_id, alert_id, rule, failures, codes, last_failure_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, rule) WHERE closed_at IS NULL DO NOTHING;

-- open_gate()
INSERT INTO integration_gates (tenant_id, integration_id)
SELECT $1, $2 WHERE EXISTS (SELECT FROM integrations WHERE tenant_id = $1 AND integration_id = $2)
ON CONFLICT (tenant_id, integration_id) DO NOTHING;

-- open_sessions_of()
SELECT session_id, status FROM sessions
WHERE tenant_id = $1 AND NOT (status IN ('completed', 'failed') OR (status = 'active' AND started_at < now() - interval '30 days')) AND (visitor_email_hash = $2
       OR (visitor_email_hash IS NULL AND visitor_email IS NOT NULL AND lower(btrim(visitor_email)) = ANY ($3::text[])))
ORDER BY session_id LIMIT $4;

-- open_sync()
WITH made AS (
    INSERT INTO integration_log (tenant_id, session_id, integration_id, analysis_version) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, session_id, integration_id, analysis_version) DO NOTHING
    RETURNING status
)
SELECT status FROM made
UNION ALL
SELECT status FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4;

-- other_record()
SELECT analysis_version, record_id FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version <> $4 AND status = 'done'
  AND record_id IS NOT NULL
ORDER BY analysis_version DESC LIMIT 1;

-- parts()
SELECT split, part, document FROM analysis_parts
WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3 ORDER BY split, part;

-- plan_reanalysis()
WITH opened AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id, message)
    SELECT $1, $2, $3, $4, $5, $6, $7
    WHERE $4 = 1 + (SELECT max(version) FROM analyses WHERE tenant_id = $1 AND session_id = $2)
      AND EXISTS (SELECT FROM sessions WHERE tenant_id = $1 AND session_id = $2 AND transcript_purged_at IS NULL)
    ON CONFLICT (tenant_id, session_id, kind, analysis_version, integration_id, event_id) DO UPDATE
    SET status = 'pending', message = EXCLUDED.message, due_at = now(), code = NULL, finished_at = NULL, requeues = 0,
        seen_attempt = steps.attempt, replays = steps.replays + 1
    WHERE steps.status = 'failed'
    RETURNING (replays > 0)::int AS had_failed
), discarded AS (
    DELETE FROM analysis_parts USING opened WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $4
), session AS (
    UPDATE sessions
    SET open_steps = open_steps + 1, failed_steps = failed_steps - had_failed, finished_at = NULL,
        status = CASE WHEN waiting_steps > 0 THEN 'waiting' ELSE 'processing' END,
        has_new_failure = has_new_failure AND status NOT IN ('completed', 'failed'),
        failure_code = (
            SELECT code FROM steps
            WHERE tenant_id = $1 AND session_id = $2 AND status = 'failed' AND kind <> 'webhook_event'
              AND (kind, analysis_version, integration_id, event_id) <> ($3, $4, $5, $6)
            ORDER BY finished_at LIMIT 1)
    FROM opened
    WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND $3 <> 'webhook_event'
)
SELECT had_failed FROM opened;

-- plan_replays()
WITH synced AS (
    SELECT session_id, analysis_version FROM integration_log
    WHERE tenant_id = $1 AND integration_id = $2 AND session_id = $4 AND status IN ('done', 'failed') AND attempts > 0
    UNION ALL
    SELECT session_id, analysis_version FROM integration_log
    WHERE tenant_id = $1 AND integration_id = $2 AND updated_at >= $5 AND updated_at < $6 AND session_id > $7
      AND status IN ('done', 'failed') AND attempts > 0
), tried AS (
    SELECT event_id FROM webhook_attempts
    WHERE tenant_id = $1 AND integration_id = $2 AND session_id = $4 AND event_id IS NOT NULL
    UNION
    SELECT event_id FROM webhook_attempts
    WHERE tenant_id = $1 AND integration_id = $2 AND began_at >= $5 AND began_at < $6 AND session_id > $7
      AND event_id IS NOT NULL
), sent AS (
    SELECT synced.session_id, 'session.analyzed' AS type, analysis_version, NULL AS code, NULL::int AS occurrence,
           NULL::uuid AS email_id, NULL AS email_status, analyses.created_at AS occurred_at
    FROM synced JOIN analyses
      ON tenant_id = $1 AND analyses.session_id = synced.session_id AND version = analysis_version
    UNION ALL
    SELECT session_id, type, analysis_version, code, occurrence, email_id, email_status, occurred_at
    FROM tried JOIN webhook_events USING (event_id)
    WHERE tenant_id = $1 AND replay_id IS NULL
      AND (type <> 'email.status' OR EXISTS (
              SELECT FROM email_log WHERE tenant_id = $1 AND email_log.email_id = webhook_events.email_id))
), page AS (
    SELECT session_id, count(*) AS events, sum(count(*)) OVER (ORDER BY session_id) AS until_here
    FROM sent
    WHERE EXISTS (SELECT FROM sessions WHERE tenant_id = $1 AND sessions.session_id = sent.session_id AND erased_at IS NULL)
    GROUP BY session_id
    ORDER BY session_id LIMIT $8
), whole AS (
    SELECT session_id FROM page
    WHERE (until_here <= $8 OR until_here = events)
      AND EXISTS (SELECT FROM integrations WHERE tenant_id = $1 AND integration_id = $2
                  AND config ->> 'kind' = 'webhook' AND removed_at IS NULL)
), events AS (
    INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, analysis_version, code, occurrence,
                                email_id, email_status, occurred_at, replay_id)
    SELECT $1, gen_random_uuid(), session_id, $2, type, analysis_version, code, occurrence, email_id, email_status,
           occurred_at, $3
    FROM sent JOIN whole USING (session_id)
    ON CONFLICT DO NOTHING
    RETURNING *
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id)
    SELECT tenant_id, session_id, 'webhook_event', 0, integration_id, event_id FROM events
)
SELECT session_id, event_id, type, analysis_version, occurrence, email_status, email_id FROM events
UNION ALL
SELECT session_id, event_id, type, analysis_version, occurrence, email_status, email_id
FROM webhook_events JOIN whole USING (session_id) WHERE tenant_id = $1 AND integration_id = $2 AND replay_id = $3
ORDER BY session_id, type, analysis_version, occurrence, email_status, email_id;

-- postpone_step()
UPDATE steps
SET status = 'pending', due_at = now() + $8 * interval '1 millisecond', requeues = 0, seen_attempt = attempt
WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND attempt = $7 AND status = 'running';

-- purge_alerts()
WITH aged AS (
    SELECT alert_id FROM alerts WHERE tenant_id = $1 AND closed_at < $2
    ORDER BY closed_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM alerts USING aged WHERE tenant_id = $1 AND alerts.alert_id = aged.alert_id;

-- purge_analyses()
WITH aged AS (
    SELECT session_id FROM sessions
    WHERE tenant_id = $1 AND ended_at < $2 AND analyses_purged_at IS NULL AND status IN ('completed', 'failed')
    ORDER BY ended_at LIMIT $3 FOR UPDATE SKIP LOCKED
), analyses AS (
    DELETE FROM analyses USING aged WHERE tenant_id = $1 AND analyses.session_id = aged.session_id RETURNING version
), parts AS (
    DELETE FROM analysis_parts USING aged WHERE tenant_id = $1 AND analysis_parts.session_id = aged.session_id
    RETURNING part
), purged AS (
    UPDATE sessions SET analyses_purged_at = now()
    FROM aged WHERE sessions.tenant_id = $1 AND sessions.session_id = aged.session_id
    RETURNING sessions.session_id
)
SELECT (SELECT count(*) FROM analyses) + (SELECT count(*) FROM parts) AS rows,
       (SELECT count(*) FROM purged) AS sessions;

-- purge_failures()
WITH aged AS (
    SELECT failure_id FROM failures WHERE tenant_id = $1 AND occurred_at < $2
    ORDER BY occurred_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM failures USING aged WHERE tenant_id = $1 AND failures.failure_id = aged.failure_id;

-- purge_mails()
WITH aged AS (
    SELECT email_id FROM email_log
    WHERE tenant_id = $1 AND created_at < $2
      AND (status NOT IN ('queued', 'sending', 'unknown') OR updated_at < $2)
      AND EXISTS (SELECT FROM sessions WHERE sessions.tenant_id = $1 AND sessions.session_id = email_log.session_id
                  AND sessions.status IN ('completed', 'failed'))
    ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED
), events AS (
    DELETE FROM email_events USING aged WHERE tenant_id = $1 AND email_events.email_id = aged.email_id RETURNING type
), bodies AS (
    DELETE FROM email_bodies USING aged WHERE tenant_id = $1 AND email_bodies.email_id = aged.email_id
    RETURNING created_at
), mails AS (
    DELETE FROM email_log USING aged WHERE tenant_id = $1 AND email_log.email_id = aged.email_id RETURNING created_at
)
SELECT (SELECT count(*) FROM mails) AS mails, (SELECT count(*) FROM events) AS events,
       (SELECT count(*) FROM bodies) AS bodies;

-- purge_recipients()
WITH over AS (
    SELECT address_hash, integration_id FROM person_leases WHERE tenant_id = $1 AND ends_at < $2
    ORDER BY ends_at LIMIT $3 FOR UPDATE SKIP LOCKED
), leases AS (
    DELETE FROM person_leases USING over
    WHERE tenant_id = $1 AND person_leases.address_hash = over.address_hash
      AND person_leases.integration_id = over.integration_id
), aged AS (
    SELECT address_hash FROM email_recipients WHERE tenant_id = $1 AND sending_at < $2
    ORDER BY sending_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM email_recipients USING aged WHERE tenant_id = $1 AND email_recipients.address_hash = aged.address_hash;

-- purge_transcripts()
WITH aged AS (
    SELECT session_id, coalesce(ended_at, started_at) AS over_at FROM sessions
    WHERE tenant_id = $1 AND coalesce(ended_at, started_at) < $2 AND transcript_purged_at IS NULL
      AND (status IN ('completed', 'failed') OR (status = 'active' AND started_at < now() - interval '30 days'))
    ORDER BY coalesce(ended_at, started_at) LIMIT greatest($3 / 10, 10) FOR UPDATE SKIP LOCKED
), counted AS (
    SELECT session_id, sum(turns) OVER (ORDER BY over_at, session_id) - turns AS turns_before
    FROM aged CROSS JOIN LATERAL (
        SELECT count(*) AS turns FROM (
            SELECT FROM transcript_turns
            WHERE tenant_id = $1 AND transcript_turns.session_id = aged.session_id LIMIT $3) AS turn
    ) AS own
), batch AS (
    SELECT session_id FROM counted WHERE turns_before < $3
), turns AS (
    DELETE FROM transcript_turns USING batch WHERE tenant_id = $1 AND transcript_turns.session_id = batch.session_id
    RETURNING seq
), purged AS (
    UPDATE sessions SET transcript_purged_at = now()
    FROM batch WHERE sessions.tenant_id = $1 AND sessions.session_id = batch.session_id
    RETURNING sessions.session_id
)
SELECT (SELECT count(*) FROM turns) AS rows, (SELECT count(*) FROM purged) AS sessions;

-- purge_webhook_attempts()
WITH aged AS (
    SELECT attempt_id FROM webhook_attempts WHERE tenant_id = $1 AND began_at < $2
    ORDER BY began_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM webhook_attempts USING aged WHERE tenant_id = $1 AND webhook_attempts.attempt_id = aged.attempt_id;

-- put_back_overdue()
UPDATE steps SET requeues = greatest(requeues - 1, 0), seen_attempt = 0, due_at = now() - $8 * interval '1 millisecond'
WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND attempt = $7 AND status IN ('pending', 'running');

-- put_back_waiting()
WITH waiting AS (
    UPDATE steps SET status = 'waiting'
    WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND attempt = $7 AND status = 'pending'
    RETURNING attempt
)
UPDATE sessions SET waiting_steps = waiting_steps + 1, status = 'waiting'
FROM waiting WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND $3 <> 'webhook_event';

-- put_off_sync()
UPDATE integration_log
SET status = CASE WHEN status IN ('skipped', 'failed') THEN 'pending' ELSE status END, writing_until = NULL, code = $5,
    error = $6, tries = tries + $7::int, updated_at = now()
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4 AND status <> 'done';

-- queue_email()
INSERT INTO email_log (tenant_id, email_id, session_id, analysis_version, template, locale, recipient, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued')
ON CONFLICT (tenant_id, session_id, analysis_version) DO NOTHING;

-- quiet_until() reads no table
SELECT at FROM (
    SELECT at, (at AT TIME ZONE $1)::time AS clock FROM (
        SELECT $4::timestamptz AS at UNION ALL
        SELECT generate_series(date_trunc('minute', $4) + interval '1 minute', $4 + interval '26 hours', '1 minute')
    ) AS minutes
) AS clocks
WHERE NOT CASE WHEN $2::time <= $3::time THEN clock >= $2::time AND clock < $3::time
               ELSE clock >= $2::time OR clock < $3::time END
ORDER BY at LIMIT 1;

-- reanalysis_state()
SELECT (SELECT max(version) FROM analyses WHERE tenant_id = $1 AND session_id = $2) AS latest,
       (SELECT message FROM steps WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6)) AS message, transcript_purged_at
FROM sessions WHERE tenant_id = $1 AND session_id = $2;

-- record_alert_mail()
UPDATE alerts SET mail_status = $3, mail_code = $4
WHERE tenant_id = $1 AND alert_id = $2 AND mail_status = 'sending';

-- record_email_event()
WITH mail AS (
    SELECT session_id, recipient_hash, keep_events, $8::bytea[] IS NULL OR recipient_hash IS NULL OR recipient_hash = ANY ($8) AS concerned
    FROM email_log WHERE tenant_id = $1 AND email_id = $2 FOR UPDATE
), event AS (
    INSERT INTO email_events (tenant_id, email_id, type, occurred_at, digest, detail)
    SELECT $1, $2, $3, $4, sha256(convert_to($5::jsonb::text, 'UTF8')), $5 FROM mail WHERE keep_events
    ON CONFLICT (tenant_id, email_id, type, occurred_at, digest) DO NOTHING
    RETURNING type
), changed AS (
    UPDATE email_log
    SET provider_id = coalesce(provider_id, $6), sent_at = coalesce(sent_at, $7), code = NULL, updated_at = now(),
        status = CASE WHEN concerned THEN $9 ELSE 'sent' END
    FROM mail WHERE email_log.tenant_id = $1 AND email_log.email_id = $2
      AND array_position($10::text[], status) < array_position($10::text[], CASE WHEN concerned THEN $9 ELSE 'sent' END)
    RETURNING email_log.session_id, email_log.email_id, email_log.status
), suppressed AS (
    INSERT INTO email_suppressions (tenant_id, address_hash, reason, email_id)
    SELECT $1, address, $11, $2 FROM mail, unnest($8::bytea[]) AS address
    WHERE $11::text IS NOT NULL
      AND ($11 = 'hard_bounce' OR mail.recipient_hash IS NULL OR mail.recipient_hash = address
           OR (mail.recipient_hash = '' AND cardinality($8) = 1))
    ON CONFLICT (tenant_id, address_hash, reason) DO NOTHING
    RETURNING address_hash
), events AS (
    INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, email_id, email_status)
    SELECT $1, gen_random_uuid(), session_id, integration_id, 'email.status', email_id, status
    FROM changed JOIN integrations ON integrations.tenant_id = $1 AND removed_at IS NULL
        AND (enabled OR disabled_code IS NOT NULL) AND config ->> 'kind' = 'webhook' AND config -> 'events' ? 'email.status'
    WHERE status NOT IN ('queued', 'sending')
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, session_id, integration_id, event_id
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id)
    SELECT tenant_id, session_id, 'webhook_event', 0, integration_id, event_id FROM events
)
SELECT (SELECT session_id FROM mail) AS session_id,
       EXISTS (SELECT FROM event) OR EXISTS (SELECT FROM mail WHERE NOT keep_events) AS recorded,
       (SELECT count(*) FROM suppressed) AS suppressed;

-- record_not_sent()
WITH changed AS (
    UPDATE email_log SET status = $3, code = $4, updated_at = now()
    WHERE tenant_id = $1 AND email_id = $2 AND status = 'sending'
    RETURNING session_id, email_id, status, recipient_hash
), forgotten AS (
    DELETE FROM email_recipients USING changed
    WHERE tenant_id = $1 AND address_hash = changed.recipient_hash AND email_recipients.email_id = $2 AND $3 <> 'unknown'
), events AS (
    INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, email_id, email_status)
    SELECT $1, gen_random_uuid(), session_id, integration_id, 'email.status', email_id, status
    FROM changed JOIN integrations ON integrations.tenant_id = $1 AND removed_at IS NULL
        AND (enabled OR disabled_code IS NOT NULL) AND config ->> 'kind' = 'webhook' AND config -> 'events' ? 'email.status'
    WHERE status NOT IN ('queued', 'sending')
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, session_id, integration_id, event_id
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id)
    SELECT tenant_id, session_id, 'webhook_event', 0, integration_id, event_id FROM events
)
SELECT EXISTS (SELECT FROM changed) AS recorded;

-- record_recovery_mail()
UPDATE alerts SET recovery_status = $3, recovery_code = $4
WHERE tenant_id = $1 AND alert_id = $2 AND recovery_status = 'sending';

-- record_sent()
WITH changed AS (
    UPDATE email_log
    SET status = CASE WHEN status IN ('sending', 'unknown') THEN 'sent' ELSE status END, provider_id = $3, code = NULL,
        sent_at = coalesce(sent_at, now()), updated_at = now()
    WHERE tenant_id = $1 AND email_id = $2
    RETURNING session_id, email_id, status
), events AS (
    INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, email_id, email_status)
    SELECT $1, gen_random_uuid(), session_id, integration_id, 'email.status', email_id, status
    FROM changed JOIN integrations ON integrations.tenant_id = $1 AND removed_at IS NULL
        AND (enabled OR disabled_code IS NOT NULL) AND config ->> 'kind' = 'webhook' AND config -> 'events' ? 'email.status'
    WHERE status NOT IN ('queued', 'sending')
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, session_id, integration_id, event_id
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id)
    SELECT tenant_id, session_id, 'webhook_event', 0, integration_id, event_id FROM events
)
SELECT count(*) FROM changed;

-- record_webhook_attempt()
INSERT INTO webhook_attempts (tenant_id, attempt_id, integration_id, session_id, webhook_id, event_id, analysis_version,
                              began_at, duration_ms, status, code, answer)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
       CASE WHEN (SELECT erased_at FROM sessions WHERE tenant_id = $1 AND session_id = $4) IS NULL THEN $12 END;

-- records_of()
SELECT sessions.session_id, integration_id, analysis_version, contact_id, record_id
FROM sessions JOIN integration_log
     ON integration_log.tenant_id = $1 AND integration_log.session_id = sessions.session_id
WHERE sessions.tenant_id = $1 AND (visitor_email_hash = $2
       OR (visitor_email_hash IS NULL AND visitor_email IS NOT NULL AND lower(btrim(visitor_email)) = ANY ($3::text[])))
  AND (contact_id IS NOT NULL OR record_id IS NOT NULL)
ORDER BY sessions.session_id, integration_id, analysis_version LIMIT $4;

-- release_person()
DELETE FROM person_leases
WHERE tenant_id = $1 AND integration_id = $2 AND address_hash = $3 AND session_id = $4 AND analysis_version = $5;

-- release_step()
UPDATE steps SET status = 'pending', due_at = now() + $8 * interval '1 millisecond'
WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND attempt = $7 AND status = 'running';

-- reopen_step()
WITH opened AS (
    UPDATE steps
    SET status = 'running', attempt = attempt + 1, due_at = now() + $7 * interval '1 millisecond', code = NULL,
        finished_at = NULL, requeues = 0, seen_attempt = attempt, replays = replays + 1
    WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND status = 'failed'
    RETURNING attempt, message, 1 AS had_failed
), session AS (
    UPDATE sessions
    SET open_steps = open_steps + 1, failed_steps = failed_steps - had_failed, finished_at = NULL,
        status = CASE WHEN waiting_steps > 0 THEN 'waiting' ELSE 'processing' END,
        has_new_failure = has_new_failure AND status NOT IN ('completed', 'failed'),
        failure_code = (
            SELECT code FROM steps
            WHERE tenant_id = $1 AND session_id = $2 AND status = 'failed' AND kind <> 'webhook_event'
              AND (kind, analysis_version, integration_id, event_id) <> ($3, $4, $5, $6)
            ORDER BY finished_at LIMIT 1)
    FROM opened
    WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND $3 <> 'webhook_event'
)
SELECT attempt, message FROM opened;

-- repeated_notification()
SELECT sessions.notification_hash = $3 AS same, sessions.status,
       coalesce(steps.status = 'pending' AND steps.attempt = 0, false) AS unclaimed
FROM sessions
LEFT JOIN steps ON steps.tenant_id = $1 AND steps.session_id = $2 AND kind = 'analyze' AND analysis_version = 1
WHERE sessions.tenant_id = $1 AND sessions.session_id = $2;

-- requeue_unknown()
UPDATE email_log SET status = 'queued', code = NULL, resent_at = now(), updated_at = now()
WHERE tenant_id = $1 AND email_id = $2 AND status IN ('sending', 'unknown') AND resent_at IS NULL
  AND (sending_at IS NULL OR sending_at <= now() - $3 * interval '1 millisecond');

-- retentions() across tenants
SELECT tenant_id, coalesce(settings -> 'retention', '{}') AS retention FROM tenants
WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2;

-- save_connection()
UPDATE integrations SET connection = $3, checked_at = now(), updated_at = now()
WHERE tenant_id = $1 AND integration_id = $2;

-- save_integration()
WITH gate AS (
    UPDATE integration_gates
    SET failures = 0, failing_since = NULL, open_until = NULL, probe_until = NULL, limited_until = NULL, limit_code = NULL
    WHERE tenant_id = $1 AND integration_id = $2)
INSERT INTO integrations (tenant_id, integration_id, enabled, config, secret_name, connection, checked_at)
VALUES ($1, $2, $3, $4, $5, $6, now())
ON CONFLICT (tenant_id, integration_id) DO UPDATE
SET enabled = EXCLUDED.enabled, config = EXCLUDED.config, secret_name = EXCLUDED.secret_name,
    connection = EXCLUDED.connection, checked_at = now(), disabled_code = NULL, disabled_reason = NULL, disabled_at = NULL,
    removed_at = NULL, updated_at = now();

-- save_template()
INSERT INTO email_templates (tenant_id, name, locale, version, subject, text, html)
SELECT tenant_id, $2, $3,
       1 + coalesce((SELECT max(version) FROM email_templates WHERE tenant_id = $1 AND name = $2 AND locale = $3), 0),
       $4, $5, $6
FROM tenants WHERE tenant_id = $1
ON CONFLICT (tenant_id, name, locale, version) DO NOTHING
RETURNING version;

-- save_tenant()
INSERT INTO tenants (tenant_id, name, settings) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id) DO UPDATE
SET name = EXCLUDED.name, settings = EXCLUDED.settings, settings_version = tenants.settings_version + 1,
    updated_at = now()
RETURNING settings_version;

-- session()
SELECT tenant_id, session_id, agent_id, channel, started_at, ended_at, end_reason, visitor_id, visitor_name,
       visitor_email, visitor_phone, visitor_locale, visitor_time_zone, visitor_email_consent, metadata, status,
       failure_code, transcript_carried, transcript_purged_at, notified_at
FROM sessions WHERE tenant_id = $1 AND session_id = $2 AND ended_at IS NOT NULL;

-- set_waiting()
WITH integration AS (
    SELECT disabled_code IS NULL AS is_fixed FROM integrations
    WHERE tenant_id = $1 AND integration_id = $5 AND $8 = 'integration_disabled' FOR SHARE
), waiting AS (
    UPDATE steps
    SET status = 'waiting', code = $8, requeues = 0, seen_attempt = attempt,
        due_at = CASE WHEN (SELECT is_fixed FROM integration) THEN now()
                      ELSE now() + $9 * interval '1 millisecond' END
    WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND attempt = $7 AND status = 'running'
    RETURNING attempt
), session AS (
    UPDATE sessions SET waiting_steps = waiting_steps + 1, status = 'waiting'
    FROM waiting WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND $3 <> 'webhook_event'
)
SELECT attempt FROM waiting;

-- shown_analysis()
SELECT document, CASE WHEN $4 = 'original' THEN originals ELSE '{}' END AS originals
FROM analyses WHERE tenant_id = $1 AND session_id = $2 AND version = $3;

-- shown_integrations()
SELECT tenant_id, integration_id, enabled, config, secret_name, disabled_code, disabled_reason, disabled_at, removed_at,
       connection, checked_at, failures, failing_since, last_success_at, open_until, limited_until, limit_code,
       (SELECT count(*) FROM steps WHERE tenant_id = $1 AND status = 'waiting' AND code = ANY ($2::text[])
        AND steps.integration_id = integrations.integration_id) AS waiting
FROM integrations LEFT JOIN integration_gates USING (tenant_id, integration_id)
WHERE tenant_id = $1 AND removed_at IS NULL ORDER BY integration_id;

-- shown_syncs()
SELECT session_id, analysis_version, CASE WHEN status IN ('pending', 'writing') AND code IS NOT NULL THEN 'waiting' ELSE status END AS status,
       contact_id, record_id, tries, code, error, notice, created_at, updated_at, synced_at
FROM integration_log
WHERE tenant_id = $1 AND integration_id = $2 AND ($3::text IS NULL OR CASE WHEN status IN ('pending', 'writing') AND code IS NOT NULL THEN 'waiting' ELSE status END = $3)
  AND updated_at >= coalesce($4::timestamptz, '-infinity') AND updated_at < coalesce($5::timestamptz, 'infinity')
  AND updated_at <= coalesce($6::timestamptz, 'infinity')
  AND ($6 IS NULL OR (updated_at, session_id, analysis_version) < ($6, $7, $8))
ORDER BY updated_at DESC, session_id DESC, analysis_version DESC LIMIT $9;

-- start_sending()
WITH mail AS (
    SELECT FROM email_log WHERE tenant_id = $1 AND email_id = $2 AND status IN ('skipped', 'queued', 'failed')
    FOR UPDATE
), recipient AS (
    INSERT INTO email_recipients AS last (tenant_id, address_hash, email_id, sending_at)
    SELECT $1, $4, $2, now() FROM mail
    ON CONFLICT (tenant_id, address_hash) DO UPDATE SET email_id = EXCLUDED.email_id, sending_at = EXCLUDED.sending_at
    WHERE $11::int IS NULL OR last.email_id = $2 OR last.sending_at <= now() - $11 * interval '1 hour'
    RETURNING email_id
), started AS (
    UPDATE email_log
    SET status = 'sending', code = NULL, recipient = $3, recipient_hash = $4, template = $5, template_version = $6,
        locale = $7, attachments = $8, attachments_left_out = $9, keep_events = $10, attempts = attempts + 1,
        sending_at = now(), updated_at = now()
    FROM recipient WHERE email_log.tenant_id = $1 AND email_log.email_id = $2
    RETURNING email_log.email_id
)
SELECT EXISTS (SELECT FROM mail) AS free, EXISTS (SELECT FROM started) AS started;

-- start_writing()
WITH versions AS (
    SELECT analysis_version, status, writing_until FROM integration_log
    WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3
    ORDER BY analysis_version FOR UPDATE
)
UPDATE integration_log
SET status = 'writing', contact_id = $5, keyed = (attempts = 0 OR keyed) AND $6, attempts = attempts + 1, code = NULL, error = NULL,
    writing_until = clock_timestamp() + $7 * interval '1 millisecond', updated_at = now()
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4 AND status <> 'done'
  AND NOT EXISTS (SELECT FROM versions WHERE analysis_version <> $4 AND writing_until > clock_timestamp());

-- step_state()
SELECT status, greatest(extract(epoch FROM due_at - clock_timestamp()), 0)::float8 AS lease_seconds
FROM steps WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6);

-- store_analysis()
WITH claimed AS (
    SELECT FROM steps
    WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND attempt = $7 AND status = 'running'
    FOR UPDATE
), stored AS (
    INSERT INTO analyses (tenant_id, session_id, version, status, document, originals)
    SELECT $1, $2, $4, $8, $9, $10 FROM claimed
    RETURNING version
), merged AS (
    DELETE FROM analysis_parts USING stored
    WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $4
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, message)
    SELECT $1, $2, follow_up.kind, $4, follow_up.integration_id, follow_up.message
    FROM stored, unnest($11::text[], $12::text[], $13::text[]) AS follow_up (kind, integration_id, message)
    ON CONFLICT (tenant_id, session_id, kind, analysis_version, integration_id, event_id) DO NOTHING
    RETURNING kind
), counted AS (
    UPDATE sessions SET open_steps = open_steps + (SELECT count(*) FROM planned), analyses_purged_at = NULL
    FROM stored WHERE sessions.tenant_id = $1 AND sessions.session_id = $2
)
SELECT version FROM stored;

-- store_part()
WITH claimed AS (
    SELECT FROM steps
    WHERE tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6) AND attempt = $7 AND status = 'running'
    FOR SHARE
)
INSERT INTO analysis_parts (tenant_id, session_id, analysis_version, split, part, document)
SELECT $1, $2, $4, $8, $9, $10 FROM claimed
ON CONFLICT (tenant_id, session_id, analysis_version, split, part) DO UPDATE SET document = EXCLUDED.document
RETURNING part;

-- suppress()
INSERT INTO email_suppressions (tenant_id, address_hash, reason, email_id)
SELECT tenant_id, $2, $3, $4 FROM tenants WHERE tenant_id = $1
ON CONFLICT (tenant_id, address_hash, reason) DO NOTHING;

-- suppressions()
SELECT DISTINCT ON (address_hash) address_hash, reason FROM email_suppressions
WHERE tenant_id = $1 AND address_hash = ANY ($2::bytea[])
ORDER BY address_hash, array_position(ARRAY['complaint', 'hard_bounce', 'unsubscribed'], reason);

-- switch_integration()
WITH gate AS (
    UPDATE integration_gates
    SET failures = 0, failing_since = NULL, open_until = NULL, probe_until = NULL, limited_until = NULL, limit_code = NULL
    WHERE tenant_id = $1 AND integration_id = $2 AND $3)
UPDATE integrations
SET enabled = $3, disabled_code = NULL, disabled_reason = NULL, disabled_at = NULL, updated_at = now(),
    removed_at = CASE WHEN $4 THEN now() ELSE removed_at END
WHERE tenant_id = $1 AND integration_id = $2 AND removed_at IS NULL;

-- syncs_of_session()
SELECT session_id, analysis_version, CASE WHEN status IN ('pending', 'writing') AND code IS NOT NULL THEN 'waiting' ELSE status END AS status,
       contact_id, record_id, tries, code, error, notice, created_at, updated_at, synced_at
FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND ($4::text IS NULL OR CASE WHEN status IN ('pending', 'writing') AND code IS NOT NULL THEN 'waiting' ELSE status END = $4)
  AND updated_at >= coalesce($5::timestamptz, '-infinity') AND updated_at < coalesce($6::timestamptz, 'infinity')
ORDER BY updated_at DESC, analysis_version DESC LIMIT $7;

-- take_alert_mail()
UPDATE alerts SET mail_status = 'sending', mail_code = NULL, mail_at = now()
WHERE tenant_id = $1 AND alert_id = $2 AND mail_status = 'pending';

-- take_due_waiting_steps() across tenants
WITH longest AS (
    SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id FROM steps
    WHERE status = 'waiting' AND due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
), due AS (
    UPDATE steps SET status = 'pending', due_at = now()
    FROM longest
    WHERE (steps.tenant_id, steps.session_id, steps.kind, steps.analysis_version, steps.integration_id, steps.event_id)
    = (longest.tenant_id, longest.session_id, longest.kind, longest.analysis_version, longest.integration_id, longest.event_id)
    RETURNING steps.tenant_id, steps.session_id, steps.kind, steps.analysis_version, steps.integration_id,
              steps.event_id, attempt, message
), resumed AS (
    UPDATE sessions
    SET waiting_steps = waiting_steps - taken.steps,
        status = CASE WHEN waiting_steps > taken.steps THEN 'waiting' ELSE 'processing' END
    FROM (SELECT tenant_id, session_id, count(*)::int AS steps FROM due WHERE kind <> 'webhook_event'
          GROUP BY tenant_id, session_id) AS taken
    WHERE sessions.tenant_id = taken.tenant_id AND sessions.session_id = taken.session_id
)
SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id, attempt, 0 AS requeues, message FROM due;

-- take_overdue_steps() across tenants
WITH overdue AS (
    SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id FROM steps
    WHERE status IN ('pending', 'running') AND due_at < now() - $1 * interval '1 millisecond'
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE steps SET requeues = requeues + (attempt > seen_attempt)::int, seen_attempt = attempt, due_at = now()
FROM overdue
WHERE (steps.tenant_id, steps.session_id, steps.kind, steps.analysis_version, steps.integration_id, steps.event_id)
    = (overdue.tenant_id, overdue.session_id, overdue.kind, overdue.analysis_version, overdue.integration_id, overdue.event_id)
RETURNING steps.tenant_id, steps.session_id, steps.kind, steps.analysis_version, steps.integration_id, steps.event_id,
          attempt, requeues, message;

-- take_person()
INSERT INTO person_leases AS held (tenant_id, integration_id, address_hash, session_id, analysis_version, ends_at)
SELECT tenant_id, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 millisecond' FROM integrations
WHERE tenant_id = $1 AND integration_id = $2
ON CONFLICT (tenant_id, address_hash, integration_id) DO UPDATE
SET session_id = excluded.session_id, analysis_version = excluded.analysis_version, ends_at = excluded.ends_at
WHERE (held.session_id, held.analysis_version) = (excluded.session_id, excluded.analysis_version)
   OR held.ends_at < clock_timestamp();

-- take_recovery_mail()
UPDATE alerts SET recovery_status = 'sending', recovery_code = NULL, recovery_at = now()
WHERE tenant_id = $1 AND alert_id = $2 AND recovery_status = 'pending';

-- take_renewal()
UPDATE integration_gates SET renewing_until = now() + $3 * interval '1 millisecond'
WHERE tenant_id = $1 AND integration_id = $2 AND coalesce(renewing_until, '-infinity') < clock_timestamp()
RETURNING renewing_until;

-- template()
SELECT locale, version, subject, text, html FROM email_templates
WHERE tenant_id = $1 AND name = $2 AND locale = ANY ($3::text[])
ORDER BY array_position($3::text[], locale), version DESC LIMIT 1;

-- templates()
SELECT DISTINCT ON (locale) locale, version, subject, text, html FROM email_templates
WHERE tenant_id = $1 AND name = $2 ORDER BY locale, version DESC;

-- tenant()
SELECT name, settings FROM tenants WHERE tenant_id = $1;

-- tenant_exists()
SELECT FROM tenants WHERE tenant_id = $1;

-- tenants_to_watch() across tenants
SELECT tenant_id FROM failures WHERE occurred_at >= now() - $1 * interval '1 millisecond' GROUP BY tenant_id
UNION
SELECT tenant_id FROM alerts
WHERE closed_at IS NULL OR mail_status IN ('pending', 'sending') OR recovery_status IN ('pending', 'sending')
UNION
SELECT tenant_id FROM steps WHERE status = 'waiting' AND code = ANY ($2::text[])
UNION
SELECT tenant_id FROM integrations WHERE disabled_code IS NOT NULL AND removed_at IS NULL
ORDER BY tenant_id;

-- transcript()
SELECT seq, role, text, started_ms, ended_ms FROM transcript_turns
WHERE tenant_id = $1 AND session_id = $2 ORDER BY seq;

-- unclaimed_steps()
SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id, message FROM steps
WHERE tenant_id = $1 AND session_id = $2 AND status = 'pending' AND attempt = 0 AND ($3 OR kind = 'webhook_event')
ORDER BY kind, analysis_version, integration_id, created_at, event_id;

-- update_alert()
UPDATE alerts SET failures = $3, codes = $4, last_failure_at = greatest(last_failure_at, $5)
WHERE tenant_id = $1 AND alert_id = $2 AND closed_at IS NULL;

-- waiting_steps()
SELECT code, count(*) AS steps, (array_agg(session_id ORDER BY due_at, session_id))[1:10] AS sessions
FROM steps WHERE tenant_id = $1 AND status = 'waiting' AND code = ANY ($2::text[]) GROUP BY code ORDER BY code;

-- wake_steps()
UPDATE steps SET due_at = now()
WHERE tenant_id = $1 AND integration_id = $2 AND status = 'waiting' AND code = ANY ($3::text[]);

-- webhook_attempts()
SELECT log.session_id, webhook_id, coalesce(type, 'session.analyzed') AS type,
       coalesce(event.analysis_version, log.analysis_version) AS analysis_version, event.code AS failure_code, occurrence,
       email_id, email_status, replay_id IS NOT NULL AS is_replay, began_at, duration_ms, status, log.code, answer
FROM webhook_attempts AS log LEFT JOIN webhook_events AS event USING (tenant_id, event_id)
WHERE tenant_id = $1 AND log.integration_id = $2 AND ($3::text IS NULL OR log.session_id = $3)
ORDER BY began_at DESC, attempt_id DESC LIMIT $4;

-- webhook_event()
SELECT type, analysis_version, code AS failure_code, occurrence, email_id, email_status, occurred_at,
       replay_id IS NOT NULL AS is_replay
FROM webhook_events WHERE tenant_id = $1 AND event_id = $2;

