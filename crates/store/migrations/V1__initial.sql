-- The tables of the Post Session API. See the crate's README for who writes what and for the states of each table.
-- Every key starts with tenant_id, so that no statement can reach another tenant's rows by an id alone.

CREATE TABLE tenants (
    tenant_id        text PRIMARY KEY,
    name             text NOT NULL,
    -- domain::settings::TenantSettings
    settings         jsonb NOT NULL DEFAULT '{}',
    settings_version integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE integrations (
    tenant_id       text NOT NULL REFERENCES tenants,
    integration_id  text NOT NULL,
    enabled         boolean NOT NULL DEFAULT true,
    -- domain::integration::IntegrationConfig; never a secret
    config          jsonb NOT NULL,
    -- name in Secrets Manager
    secret_name     text NOT NULL,
    -- set by code that switches an integration off, in words for the tenant's admin
    disabled_reason text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, integration_id)
);

-- An interface for the AI engine: it may insert rows with status 'active' while a conversation goes on.
CREATE TABLE sessions (
    tenant_id         text NOT NULL REFERENCES tenants,
    session_id        text NOT NULL,
    agent_id          text NOT NULL,
    channel           text NOT NULL CHECK (channel IN ('voice', 'text')),
    started_at        timestamptz NOT NULL,
    ended_at          timestamptz,
    end_reason        text,
    visitor_id        text,
    visitor_name      text,
    -- as it came; may be unusable
    visitor_email     text,
    visitor_phone     text,
    visitor_locale    text,
    metadata          jsonb NOT NULL DEFAULT '{}',
    status            text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'processing', 'completed', 'failed')),
    -- code of the first step that failed
    failure_code      text,
    -- SHA-256 of the notification in canonical form: tells a repetition from a contradiction
    notification_hash bytea,
    -- whether the notification carried the transcript, possibly an empty one; if not, the AI engine writes the turns
    transcript_carried boolean NOT NULL DEFAULT false,
    -- steps that are neither done, skipped nor failed; the statement that takes it to 0 ends the session
    open_steps        integer NOT NULL DEFAULT 0 CHECK (open_steps >= 0),
    failed_steps      integer NOT NULL DEFAULT 0 CHECK (failed_steps >= 0),
    notified_at       timestamptz,
    finished_at       timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id),
    CHECK (status = 'active' OR (ended_at IS NOT NULL AND ended_at >= started_at))
);

-- An interface for the AI engine: it may insert the turns itself, before it notifies.
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

-- Versions are added, never overwritten.
CREATE TABLE analyses (
    tenant_id  text NOT NULL,
    session_id text NOT NULL,
    version    integer NOT NULL CHECK (version >= 1),
    status     text NOT NULL CHECK (status IN ('ok', 'partial', 'insufficient_content', 'failed')),
    -- domain::analysis::Analysis
    document   jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id, version),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);

CREATE TABLE steps (
    tenant_id   text NOT NULL,
    session_id  text NOT NULL,
    -- domain::step::Step
    step        text NOT NULL,
    status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'done', 'skipped', 'failed')),
    -- counts claims; a finish must name the claim it belongs to
    attempt     integer NOT NULL DEFAULT 0,
    -- what the stage counts against a limit of its own, such as attempts of a model; a replay starts from 0
    tries       integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    -- pending: when its message is expected; running: when the claim's lease ends
    due_at      timestamptz NOT NULL DEFAULT now(),
    -- why it was skipped or failed
    code        text,
    -- the queue message that asks for the step, for queueing it again
    message     text NOT NULL,
    -- how often housekeep has queued it again after claims that did not end it
    requeues    integer NOT NULL DEFAULT 0,
    -- attempt at the last such look: a step that nobody claimed since only waits in a long queue
    seen_attempt integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- first claim
    started_at  timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, session_id, step),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);
-- housekeep looks for open steps that are long overdue, over all tenants
CREATE INDEX steps_open_by_due ON steps (due_at) WHERE status IN ('pending', 'running');

CREATE TABLE email_log (
    tenant_id   text NOT NULL,
    email_id    uuid NOT NULL,
    session_id  text NOT NULL,
    template    text NOT NULL,
    -- NULL when there was no usable address
    recipient   text,
    status      text NOT NULL CHECK (status IN ('queued', 'sending', 'sent', 'delayed', 'delivered', 'bounced',
                                                'complained', 'rejected', 'failed', 'unknown', 'skipped')),
    -- skip reason or error code
    code        text,
    -- SES's message id
    provider_id text,
    attempts    integer NOT NULL DEFAULT 0,
    -- when the last request to SES began
    sending_at  timestamptz,
    sent_at     timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, email_id),
    -- one mail per session and template: this is what makes a second one impossible
    UNIQUE (tenant_id, session_id, template),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);

CREATE TABLE email_events (
    tenant_id   text NOT NULL,
    email_id    uuid NOT NULL,
    type        text NOT NULL,
    occurred_at timestamptz NOT NULL,
    -- the part of SES's event that is particular to its type
    detail      jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    -- SES delivers events at least once
    PRIMARY KEY (tenant_id, email_id, type, occurred_at),
    FOREIGN KEY (tenant_id, email_id) REFERENCES email_log
);

-- What a session left behind in a third party, so that a repeated delivery finds it again.
CREATE TABLE integration_log (
    tenant_id      text NOT NULL,
    session_id     text NOT NULL,
    integration_id text NOT NULL,
    status         text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'writing', 'done', 'skipped', 'failed')),
    -- ids in the third party: contact, and note or webhook id
    contact_id     text,
    record_id      text,
    attempts       integer NOT NULL DEFAULT 0,
    code           text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id, integration_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions,
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations
);

-- Every step that failed for good; feeds a tenant's error thresholds.
CREATE TABLE failures (
    tenant_id   text NOT NULL,
    failure_id  bigint GENERATED ALWAYS AS IDENTITY,
    session_id  text NOT NULL,
    step        text NOT NULL,
    code        text NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, failure_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);
CREATE INDEX failures_by_time ON failures (tenant_id, occurred_at);
