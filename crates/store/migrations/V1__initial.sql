-- The tables of the Post Session API, by aggregate: tenants, third parties, sessions, steps, analyses, mails, syncs and
-- webhooks, alerts. docs/tables.md tells the life of a session table by table, with the states of each.
--
-- Every key starts with tenant_id, so that no statement can reach another tenant's rows by an id alone. An index stands
-- below its table, with the statement that it serves. All times are UTC.

------------------------------------------------------------------------------------------------------------------------
-- Tenants

-- A customer: the owner of agents, sessions, settings and integrations.
CREATE TABLE tenants (
    tenant_id        text PRIMARY KEY,
    -- as its visitors know it
    name             text NOT NULL,
    -- domain::settings::TenantSettings
    settings         jsonb NOT NULL DEFAULT '{}',
    settings_version integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

------------------------------------------------------------------------------------------------------------------------
-- Third parties

-- A CRM account or a webhook of a tenant.
CREATE TABLE integrations (
    tenant_id       text NOT NULL REFERENCES tenants,
    integration_id  text NOT NULL,
    -- false: switched off; by an operator, or by the service where disabled_code says why
    enabled         boolean NOT NULL DEFAULT true,
    -- domain::integration::IntegrationConfig; never a secret
    config          jsonb NOT NULL,
    -- name in Secrets Manager
    secret_name     text NOT NULL,
    -- why the service switched it off, such as 'unauthorized': its sessions wait. NULL where an operator did: its sessions
    -- are skipped
    disabled_code   text,
    -- the same for the tenant's admins
    disabled_reason text,
    disabled_at     timestamptz,
    -- no longer used; the row stays for the log
    removed_at      timestamptz,
    -- domain::integration::Connection: what the last check found
    connection      jsonb NOT NULL DEFAULT '{}',
    checked_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, integration_id)
);
-- tenants_to_watch: integrations that admins have to fix, of all tenants
CREATE INDEX integrations_disabled ON integrations (tenant_id) WHERE disabled_code IS NOT NULL AND removed_at IS NULL;

-- The gate of an integration: who may call the third party now. The row is created by the first sync that asks.
CREATE TABLE integration_gates (
    tenant_id       text NOT NULL,
    integration_id  text NOT NULL,
    -- in a row; from a threshold on the circuit is open
    failures        integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    -- the first failure after the last success
    failing_since   timestamptz,
    last_success_at timestamptz,
    -- the circuit is open until then: no call
    open_until      timestamptz,
    -- the lease of the sync that probes whether the third party works again
    probe_until     timestamptz,
    -- the third party has asked for rest until then, and why
    limited_until   timestamptz,
    limit_code      text,
    -- when the lease of each sync under way ends
    leases          timestamptz[] NOT NULL DEFAULT '{}',
    -- requests in each of the last seconds; the last element is of second spent_at of the epoch
    spent           integer[] NOT NULL DEFAULT '{}',
    spent_at        bigint NOT NULL DEFAULT 0,
    -- the end of the line of the steps that wait for their turn
    line_until      timestamptz NOT NULL DEFAULT '-infinity',
    -- the lease of the sync that gets a new access token
    renewing_until  timestamptz,
    PRIMARY KEY (tenant_id, integration_id),
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations ON DELETE CASCADE
);

-- The sync that creates a person in a third party that would take an address twice. The row goes when the person exists.
CREATE TABLE person_leases (
    tenant_id        text NOT NULL,
    -- domain::address_hash::AddressHash
    address_hash     bytea NOT NULL CHECK (length(address_hash) = 32),
    integration_id   text NOT NULL,
    session_id       text NOT NULL,
    analysis_version integer NOT NULL,
    ends_at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, address_hash, integration_id),
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations ON DELETE CASCADE
);
-- purge_recipients
CREATE INDEX person_leases_by_age ON person_leases (tenant_id, ends_at);

------------------------------------------------------------------------------------------------------------------------
-- Sessions

-- A conversation. An interface for the AI engine, which may insert rows with status 'active': see docs/engine.md.
CREATE TABLE sessions (
    tenant_id             text NOT NULL REFERENCES tenants,
    session_id            text NOT NULL,
    agent_id              text NOT NULL,
    channel               text NOT NULL CHECK (channel IN ('voice', 'text')),
    started_at            timestamptz NOT NULL,
    ended_at              timestamptz,
    end_reason            text,
    -- the visitor, as the notification names them: address, locale and time zone may be unusable
    visitor_id            text,
    visitor_name          text,
    visitor_email         text,
    visitor_phone         text,
    visitor_locale        text,
    visitor_time_zone     text,
    visitor_email_consent text CHECK (visitor_email_consent IN ('given', 'withdrawn')),
    -- domain::address_hash::AddressHash of a usable visitor_email; NULL in the engine's rows
    visitor_email_hash    bytea,
    metadata              jsonb NOT NULL DEFAULT '{}',
    status                text NOT NULL DEFAULT 'active'
                          CHECK (status IN ('active', 'processing', 'waiting', 'completed', 'failed')),
    -- code of the first step that failed
    failure_code          text,
    -- a step has failed since the session was last opened: session.failed is reported when the session ends
    has_new_failure       boolean NOT NULL DEFAULT false,
    -- how often session.failed was reported
    failures_reported     integer NOT NULL DEFAULT 0 CHECK (failures_reported >= 0),
    -- SHA-256 of the notification in canonical form: distinguishes a repetition from a contradiction
    notification_hash     bytea,
    -- the notification carried the transcript, possibly an empty one; else the AI engine writes the turns
    transcript_carried    boolean NOT NULL DEFAULT false,
    -- steps of all kinds but 'webhook_event'. The statement that takes open_steps to 0 ends the session
    open_steps            integer NOT NULL DEFAULT 0 CHECK (open_steps >= 0),
    -- open steps that wait; the session is 'waiting' while there are any
    waiting_steps         integer NOT NULL DEFAULT 0 CHECK (waiting_steps >= 0),
    failed_steps          integer NOT NULL DEFAULT 0 CHECK (failed_steps >= 0),
    notified_at           timestamptz,
    finished_at           timestamptz,
    -- when retention or an erasure removed the turns, and the analyses
    transcript_purged_at  timestamptz,
    analyses_purged_at    timestamptz,
    -- when everything of the visitor was removed
    erased_at             timestamptz,
    created_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id),
    CHECK (status = 'active' OR (ended_at IS NOT NULL AND ended_at >= started_at))
);
-- erase_sessions: sessions of an address, by its hash, and by the address in the engine's rows
CREATE INDEX sessions_by_address_hash ON sessions (tenant_id, visitor_email_hash) WHERE visitor_email_hash IS NOT NULL;
CREATE INDEX sessions_by_plain_address ON sessions (tenant_id, lower(btrim(visitor_email)))
    WHERE visitor_email_hash IS NULL AND visitor_email IS NOT NULL;
-- purge_transcripts, purge_analyses: the oldest first
CREATE INDEX sessions_with_transcript ON sessions (tenant_id, coalesce(ended_at, started_at))
    WHERE transcript_purged_at IS NULL;
CREATE INDEX sessions_with_analyses ON sessions (tenant_id, ended_at) WHERE analyses_purged_at IS NULL;

-- What was said. An interface for the AI engine, which may insert the turns itself before it notifies.
CREATE TABLE transcript_turns (
    tenant_id  text NOT NULL,
    session_id text NOT NULL,
    -- from 0 without gaps
    seq        integer NOT NULL CHECK (seq >= 0),
    role       text NOT NULL CHECK (role IN ('visitor', 'agent', 'system', 'tool')),
    text       text NOT NULL,
    -- milliseconds from the session's start; voice only
    started_ms integer CHECK (started_ms >= 0),
    ended_ms   integer CHECK (ended_ms >= started_ms),
    PRIMARY KEY (tenant_id, session_id, seq),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);

------------------------------------------------------------------------------------------------------------------------
-- Steps

-- A unit of work on a session, done by one stage and claimed with a lease. The kind, and what the kind needs, are the key:
-- where a kind has no version, integration or event, the column holds 0, '' or the nil UUID, since a key has no NULLs.
CREATE TABLE steps (
    tenant_id        text NOT NULL,
    session_id       text NOT NULL,
    -- domain::step::Step. A 'webhook_event' is no part of its session: it may be planned, and end, after the session
    kind             text NOT NULL CHECK (kind IN ('analyze', 'notify', 'crm_sync', 'webhook_event')),
    -- of the analysis that the step makes or follows from
    analysis_version integer NOT NULL,
    integration_id   text NOT NULL DEFAULT '',
    -- of webhook_events
    event_id         uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    status           text NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'running', 'waiting', 'done', 'skipped', 'failed')),
    -- counts claims; a finish must name the claim it belongs to
    attempt          integer NOT NULL DEFAULT 0,
    -- pending: when its message is expected; running: when the claim's lease ends; waiting: when the wait is over
    due_at           timestamptz NOT NULL DEFAULT now(),
    -- why it was skipped, failed or waits
    code             text,
    -- the queue message that asks for the step; NULL for a 'webhook_event', whose message is written from its key
    message          text,
    -- its turn in the line of its integration's gate
    booked_at        timestamptz,
    -- how often it was run again after it had failed: calls of a model are counted for each run
    replays          integer NOT NULL DEFAULT 0 CHECK (replays >= 0),
    -- how often housekeep has queued it again after claims that did not end it
    requeues         integer NOT NULL DEFAULT 0,
    -- attempt at the last such look: a step without a claim since then only waits in a long queue
    seen_attempt     integer NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL DEFAULT now(),
    -- first claim
    started_at       timestamptz,
    finished_at      timestamptz,
    PRIMARY KEY (tenant_id, session_id, kind, analysis_version, integration_id, event_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions,
    CHECK ((kind = 'webhook_event') = (analysis_version = 0) AND analysis_version >= 0),
    CHECK ((kind IN ('crm_sync', 'webhook_event')) = (integration_id <> '')),
    CHECK ((kind = 'webhook_event') = (event_id <> '00000000-0000-0000-0000-000000000000')),
    CHECK ((kind = 'webhook_event') = (message IS NULL))
);
-- take_overdue_steps, take_due_waiting_steps: over all tenants
CREATE INDEX steps_open_by_due ON steps (due_at) WHERE status IN ('pending', 'running');
CREATE INDEX steps_waiting_by_due ON steps (due_at) WHERE status = 'waiting';
-- tenants_to_watch, waiting_steps, wake_steps
CREATE INDEX steps_waiting_by_code ON steps (code, tenant_id, integration_id) WHERE status = 'waiting';
-- last_success
CREATE INDEX steps_done_by_time ON steps (tenant_id, finished_at) WHERE status = 'done';
-- failed_steps_of
CREATE INDEX steps_failed ON steps (tenant_id, integration_id, session_id) WHERE status = 'failed';

-- Every step that failed for good; feeds a tenant's error thresholds.
CREATE TABLE failures (
    tenant_id   text NOT NULL,
    failure_id  bigint GENERATED ALWAYS AS IDENTITY,
    session_id  text NOT NULL,
    -- of the step
    kind        text NOT NULL,
    code        text NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, failure_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);
-- failures_since, purge_failures
CREATE INDEX failures_by_time ON failures (tenant_id, occurred_at);
-- tenants_to_watch
CREATE INDEX failures_of_all_by_time ON failures (occurred_at, tenant_id);

------------------------------------------------------------------------------------------------------------------------
-- Analyses and what they cost

-- Versions are added, never overwritten.
CREATE TABLE analyses (
    tenant_id  text NOT NULL,
    session_id text NOT NULL,
    version    integer NOT NULL CHECK (version >= 1),
    status     text NOT NULL CHECK (status IN ('ok', 'partial', 'insufficient_content', 'failed')),
    -- domain::analysis::Analysis
    document   jsonb NOT NULL,
    -- placeholder in the document to the text in the transcript: personal data, shown only where the tenant's settings
    -- allow it
    originals  jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id, version),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);

-- Analyses of the parts of a long transcript. The statement that stores the merged analysis removes them.
CREATE TABLE analysis_parts (
    tenant_id        text NOT NULL,
    session_id       text NOT NULL,
    analysis_version integer NOT NULL CHECK (analysis_version >= 1),
    -- how often the transcript was split before, into parts of which one was too long
    split            integer NOT NULL CHECK (split >= 0),
    -- of the split, from 0
    part             integer NOT NULL CHECK (part >= 0),
    -- what was found; NULL: the part is too long for the model
    document         jsonb,
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id, analysis_version, split, part),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);

-- Every request to a model, written before the request is made.
CREATE TABLE model_calls (
    tenant_id          text NOT NULL,
    session_id         text NOT NULL,
    analysis_version   integer NOT NULL CHECK (analysis_version >= 1),
    call_id            uuid NOT NULL,
    -- split and part of the transcript, as in analysis_parts; part -1: the call that merges the parts
    split              integer NOT NULL CHECK (split >= 0),
    part               integer NOT NULL CHECK (part >= -1),
    -- steps.replays at the time of the call
    replay             integer NOT NULL CHECK (replay >= 0),
    -- counts from 1 for each part and replay; the call after one without an answer has the same number
    attempt            integer NOT NULL CHECK (attempt >= 1),
    model              text NOT NULL,
    prompt_version     text NOT NULL,
    -- begun: under way, or lost with its delivery
    outcome            text NOT NULL DEFAULT 'begun'
                       CHECK (outcome IN ('begun', 'usable', 'shortcomings', 'invalid', 'refused', 'no_answer')),
    -- why, such as cut_off or model_throttled
    code               text,
    input_tokens       bigint NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens      bigint NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cached_tokens      bigint NOT NULL DEFAULT 0 CHECK (cached_tokens >= 0),
    cache_write_tokens bigint NOT NULL DEFAULT 0 CHECK (cache_write_tokens >= 0),
    -- NULL where the price is not known; NaN and infinity would spoil every sum
    cost_usd           double precision CHECK (cost_usd >= 0 AND cost_usd < 'infinity'),
    latency_ms         bigint NOT NULL DEFAULT 0 CHECK (latency_ms >= 0),
    began_at           timestamptz NOT NULL DEFAULT now(),
    ended_at           timestamptz,
    PRIMARY KEY (tenant_id, session_id, analysis_version, call_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);

-- The cost of a tenant's calls, as far as prices are known: a budget is checked before each call.
CREATE TABLE model_spend (
    tenant_id text NOT NULL REFERENCES tenants,
    -- its first day
    month     date NOT NULL,
    cost_usd  double precision NOT NULL DEFAULT 0,
    -- calls with an answer
    calls     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, month)
);

------------------------------------------------------------------------------------------------------------------------
-- Mails

-- A mail to a visitor, or the decision not to send one.
CREATE TABLE email_log (
    tenant_id            text NOT NULL,
    email_id             uuid NOT NULL,
    session_id           text NOT NULL,
    analysis_version     integer NOT NULL DEFAULT 1 CHECK (analysis_version >= 1),
    template             text NOT NULL,
    -- of email_templates; NULL: the built-in template, or nothing was rendered
    template_version     integer CHECK (template_version >= 1),
    -- of the template that was rendered
    locale               text,
    -- NULL without a usable address, and for tenants that want no address in the log
    recipient            text,
    -- AddressHash of the recipient: decides whether an event is about the visitor or about staff in cc; empty after an
    -- erasure
    recipient_hash       bytea,
    status               text NOT NULL
                         CHECK (status IN ('queued', 'sending', 'sent', 'delayed', 'soft_bounced', 'delivered', 'bounced',
                                           'complained', 'rejected', 'failed', 'unknown', 'skipped')),
    -- skip reason or error code
    code                 text,
    -- SES's message id
    provider_id          text,
    -- requests to SES
    attempts             integer NOT NULL DEFAULT 0,
    -- when the last request to SES began
    sending_at           timestamptz,
    -- when it was queued again although SES may have had it: that happens once
    resent_at            timestamptz,
    sent_at              timestamptz,
    -- names of the files that were attached
    attachments          text[],
    -- why files that the settings ask for were not, such as too_large
    attachments_left_out text,
    -- false for tenants that want no log of events: only the status is kept
    keep_events          boolean NOT NULL DEFAULT true,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, email_id),
    -- one mail per session and version of its analysis: this makes a second one impossible
    UNIQUE (tenant_id, session_id, analysis_version),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);
-- erase_mails
CREATE INDEX email_log_by_recipient ON email_log (tenant_id, recipient_hash) WHERE recipient_hash IS NOT NULL;
-- purge_mails
CREATE INDEX email_log_by_age ON email_log (tenant_id, created_at);

-- What SES reported of a mail; a purged mail takes its events along, also one that comes at the same moment.
CREATE TABLE email_events (
    tenant_id   text NOT NULL,
    email_id    uuid NOT NULL,
    type        text NOT NULL,
    occurred_at timestamptz NOT NULL,
    -- SHA-256 of detail: bounces of two recipients may have the same millisecond
    digest      bytea NOT NULL DEFAULT '',
    -- the part of SES's event that is particular to its type
    detail      jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    -- SES delivers events at least once
    PRIMARY KEY (tenant_id, email_id, type, occurred_at, digest),
    FOREIGN KEY (tenant_id, email_id) REFERENCES email_log ON DELETE CASCADE
);

-- The mail as it was sent, for tenants that log in full.
CREATE TABLE email_bodies (
    tenant_id  text NOT NULL,
    email_id   uuid NOT NULL,
    subject    text NOT NULL,
    text       text NOT NULL,
    html       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, email_id),
    FOREIGN KEY (tenant_id, email_id) REFERENCES email_log ON DELETE CASCADE
);

-- Addresses that get no mail of a tenant. Holds no address and refers to no row: it outlives purges and erasures.
CREATE TABLE email_suppressions (
    tenant_id    text NOT NULL REFERENCES tenants,
    address_hash bytea NOT NULL,
    reason       text NOT NULL CHECK (reason IN ('hard_bounce', 'complaint', 'unsubscribed')),
    since        timestamptz NOT NULL DEFAULT now(),
    -- the mail that caused it, where one is known; it may be gone
    email_id     uuid,
    PRIMARY KEY (tenant_id, address_hash, reason)
);

-- The last mail to an address. The statement that begins to send takes the row, so that two sessions of one visitor cannot both keep
-- the tenant's hours between two mails.
CREATE TABLE email_recipients (
    tenant_id    text NOT NULL REFERENCES tenants,
    address_hash bytea NOT NULL,
    -- no reference: the mail may be gone
    email_id     uuid NOT NULL,
    sending_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, address_hash)
);
-- purge_recipients
CREATE INDEX email_recipients_by_age ON email_recipients (tenant_id, sending_at);

-- Tenants' own templates. Versions are added, never overwritten; the highest of a name and locale counts.
CREATE TABLE email_templates (
    tenant_id  text NOT NULL REFERENCES tenants,
    name       text NOT NULL,
    locale     text NOT NULL,
    version    integer NOT NULL CHECK (version >= 1),
    subject    text NOT NULL,
    text       text NOT NULL,
    html       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name, locale, version)
);

------------------------------------------------------------------------------------------------------------------------
-- Syncs and webhooks

-- The sync of a version of a session to a third party: what it left there, so that a repeated delivery finds it.
CREATE TABLE integration_log (
    tenant_id        text NOT NULL,
    session_id       text NOT NULL,
    integration_id   text NOT NULL,
    analysis_version integer NOT NULL DEFAULT 1 CHECK (analysis_version >= 1),
    status           text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'writing', 'done', 'skipped', 'failed')),
    -- ids in the third party: of the contact, and of the note, task or webhook message
    contact_id       text,
    record_id        text,
    -- how often writing the record was begun
    attempts         integer NOT NULL DEFAULT 0,
    -- how often the third party was called
    tries            integer NOT NULL DEFAULT 0,
    -- every attempt until now named the record by a key, so that repeating it cannot leave two
    keyed            boolean NOT NULL DEFAULT false,
    -- until when the third party may be being written to; one version of a session at a time
    writing_until    timestamptz,
    -- why it was skipped or failed; of an unfinished sync, what it waits for
    code             text,
    -- the last error for administrators, and what was left out of a record that was written; neither has content
    error            text,
    notice           text,
    -- when the record was there
    synced_at        timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id, integration_id, analysis_version),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions,
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations
);
-- shown_syncs, plan_replays
CREATE INDEX integration_log_by_integration ON integration_log (tenant_id, integration_id, updated_at);

-- The outbox: an event to send to a webhook. Written, with its step, by the statement that changes what is reported.
-- A session.analyzed is here in replays only: the first time it is the webhook's 'crm_sync' step.
CREATE TABLE webhook_events (
    tenant_id        text NOT NULL,
    event_id         uuid NOT NULL,
    session_id       text NOT NULL,
    integration_id   text NOT NULL,
    -- domain::event::EventType
    type             text NOT NULL CHECK (type IN ('session.analyzed', 'session.failed', 'email.status')),
    -- session.analyzed
    analysis_version integer CHECK (analysis_version >= 1),
    -- session.failed: the code of the first step that failed, and how often the session has failed
    code             text,
    occurrence       integer CHECK (occurrence >= 1),
    -- email.status: of email_log, whose row may be gone
    email_id         uuid,
    email_status     text,
    -- of what is reported, also in a replay
    occurred_at      timestamptz NOT NULL DEFAULT now(),
    -- the replay that sends the event once more; does not count for the integration's health
    replay_id        uuid,
    PRIMARY KEY (tenant_id, event_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions,
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations,
    CHECK (num_nonnulls(analysis_version) = CASE type WHEN 'session.analyzed' THEN 1 ELSE 0 END),
    CHECK (num_nonnulls(code, occurrence) = CASE type WHEN 'session.failed' THEN 2 ELSE 0 END),
    CHECK (num_nonnulls(email_id, email_status) = CASE type WHEN 'email.status' THEN 2 ELSE 0 END)
);
-- an event is planned once for each webhook and replay
CREATE UNIQUE INDEX webhook_events_once ON webhook_events (
    tenant_id, session_id, integration_id, type, coalesce(analysis_version, 0), coalesce(occurrence, 0),
    coalesce(email_id, '00000000-0000-0000-0000-000000000000'), coalesce(email_status, ''),
    coalesce(replay_id, '00000000-0000-0000-0000-000000000000'));
-- plan_replays: what the same replay has planned
CREATE INDEX webhook_events_by_replay ON webhook_events (tenant_id, replay_id) WHERE replay_id IS NOT NULL;

-- Every request to a webhook, with the answer.
CREATE TABLE webhook_attempts (
    tenant_id        text NOT NULL,
    attempt_id       uuid NOT NULL,
    integration_id   text NOT NULL,
    session_id       text NOT NULL,
    webhook_id       text NOT NULL,
    -- the event, or the version of the analysis of a 'crm_sync' step
    event_id         uuid,
    analysis_version integer,
    began_at         timestamptz NOT NULL,
    duration_ms      integer NOT NULL CHECK (duration_ms >= 0),
    -- of the answer; NULL: there was none
    status           integer,
    -- why it was not delivered; NULL: it was
    code             text,
    -- the beginning of the answer's body
    answer           text,
    PRIMARY KEY (tenant_id, attempt_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions,
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations,
    FOREIGN KEY (tenant_id, event_id) REFERENCES webhook_events,
    CHECK (num_nonnulls(event_id, analysis_version) = 1)
);
-- erase_sessions, plan_replays
CREATE INDEX webhook_attempts_by_session ON webhook_attempts (tenant_id, session_id);
-- purge_webhook_attempts
CREATE INDEX webhook_attempts_by_age ON webhook_attempts (tenant_id, began_at);
-- webhook_attempts, plan_replays
CREATE INDEX webhook_attempts_by_integration ON webhook_attempts (tenant_id, integration_id, began_at);

------------------------------------------------------------------------------------------------------------------------
-- Alerts

-- A mail to a tenant's admins about failures: an open alert keeps its rule quiet.
CREATE TABLE alerts (
    tenant_id        text NOT NULL REFERENCES tenants,
    alert_id         uuid NOT NULL,
    -- such as all:5/15, notify:3/10, code:ses_account_suspended
    rule             text NOT NULL,
    opened_at        timestamptz NOT NULL DEFAULT now(),
    closed_at        timestamptz,
    closed_as        text CHECK (closed_as IN ('recovered', 'cooled_down')),
    -- at the last look: failures, and failures of each code
    failures         integer NOT NULL CHECK (failures >= 0),
    codes            jsonb NOT NULL,
    last_failure_at  timestamptz NOT NULL,
    -- sending: claimed before the request to SES, so that a crash leaves one mail or none, never two
    mail_status      text NOT NULL DEFAULT 'pending'
                     CHECK (mail_status IN ('pending', 'sending', 'sent', 'failed', 'unknown')),
    mail_code        text,
    mail_at          timestamptz,
    -- the mail that the failures are over; NULL unless it closed as recovered
    recovery_status  text CHECK (recovery_status IN ('pending', 'sending', 'sent', 'failed', 'unknown')),
    recovery_code    text,
    recovery_at      timestamptz,
    PRIMARY KEY (tenant_id, alert_id),
    CHECK ((closed_at IS NULL) = (closed_as IS NULL))
);
-- open_alert: opening is the claim, one open alert per rule
CREATE UNIQUE INDEX alerts_open_by_rule ON alerts (tenant_id, rule) WHERE closed_at IS NULL;
-- alerts_at_work, tenants_to_watch
CREATE INDEX alerts_at_work ON alerts (tenant_id, opened_at)
    WHERE closed_at IS NULL OR mail_status IN ('pending', 'sending') OR recovery_status IN ('pending', 'sending');
-- purge_alerts
CREATE INDEX alerts_closed_by_time ON alerts (tenant_id, closed_at) WHERE closed_at IS NOT NULL;
