-- Mail that a business sends under its own name: what is known of each mail and address, tenants' templates, alerts, and
-- what retention and erasure need.
--
-- The order: deploy this release, then run this right after. This release takes a table, column or key that is still to
-- come for a condition that passes, and retries. The release before does not run on this schema: it names the old keys of
-- email_log and email_events (see there), and retries until it is replaced, before anything is sent. It cannot read a
-- mail's status soft_bounced. For everything else here it finds what it knows, with defaults for what it does not write.
--
-- Nothing is rewritten: no default is computed. The wider check, the swapped keys, the foreign key that cascades and the
-- new indexes of sessions, steps, failures and email_log read their tables, while these are locked for writing; the locks
-- are held to the end. Where that takes too long, create the indexes with IF NOT EXISTS beforehand, as they stand here but
-- with CONCURRENTLY (drop and repeat one that is left invalid), and run this with `cargo xtask migrate`, which no invocation's end breaks off.

-- Nobody waits for long behind a lock that this does not get. It is undone as a whole then: run it again.
SET LOCAL lock_timeout = '5s';

-- All NULL in the rows that are there: nothing is known, purged or erased.
ALTER TABLE sessions
    -- a name of the IANA database, as it came
    ADD COLUMN visitor_time_zone text,
    ADD COLUMN visitor_email_consent text CHECK (visitor_email_consent IN ('given', 'withdrawn')),
    -- domain::address_hash::AddressHash of visitor_email, where that is usable; ingest writes it
    ADD COLUMN visitor_email_hash bytea,
    -- when retention or an erasure took the turns, and the analyses
    ADD COLUMN transcript_purged_at timestamptz,
    ADD COLUMN analyses_purged_at timestamptz,
    -- when everything of the visitor was taken
    ADD COLUMN erased_at timestamptz;
-- erasure: the sessions of an address; those of the release before and of the engine have no hash yet
CREATE INDEX sessions_by_address_hash ON sessions (tenant_id, visitor_email_hash) WHERE visitor_email_hash IS NOT NULL;
CREATE INDEX sessions_by_plain_address ON sessions (tenant_id, lower(btrim(visitor_email)))
    WHERE visitor_email_hash IS NULL AND visitor_email IS NOT NULL;
-- retention: what is still to be purged, the oldest first
CREATE INDEX sessions_with_transcript ON sessions (tenant_id, coalesce(ended_at, started_at))
    WHERE transcript_purged_at IS NULL;
CREATE INDEX sessions_with_analyses ON sessions (tenant_id, ended_at) WHERE analyses_purged_at IS NULL;

-- The key without the template: a tenant that changes its template between two deliveries must not send twice. Swapping it
-- is safe: the release before writes one template only, so the rows that are there are unique by either key.
ALTER TABLE email_log
    DROP CONSTRAINT email_log_tenant_id_session_id_template_analysis_version_key,
    -- one mail per session and version of its analysis: this is what makes a second one impossible
    ADD UNIQUE (tenant_id, session_id, analysis_version),
    DROP CONSTRAINT email_log_status_check,
    ADD CONSTRAINT email_log_status_check
        CHECK (status IN ('queued', 'sending', 'sent', 'delayed', 'soft_bounced', 'delivered', 'bounced', 'complained',
                          'rejected', 'failed', 'unknown', 'skipped')),
    -- of email_templates; NULL: the built-in one, or none was rendered
    ADD COLUMN template_version integer CHECK (template_version >= 1),
    -- of the template that was rendered
    ADD COLUMN locale text,
    -- AddressHash of the recipient: tells whether an event is about the visitor or about staff in cc; NULL in rows of the
    -- release before, whose only recipient was the visitor; empty after an erasure
    ADD COLUMN recipient_hash bytea,
    -- when it was queued again although SES may have had it: that happens once
    ADD COLUMN resent_at timestamptz,
    -- names of the files that went with it
    ADD COLUMN attachments text[],
    -- why files that were asked for did not, such as too_large
    ADD COLUMN attachments_left_out text,
    -- false where the tenant wants no log of what became of a mail: only its status is kept
    ADD COLUMN keep_events boolean NOT NULL DEFAULT true;
CREATE INDEX email_log_by_recipient ON email_log (tenant_id, recipient_hash) WHERE recipient_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS email_log_by_age ON email_log (tenant_id, created_at);

-- Two events of one type may have the same millisecond, such as bounces of two recipients: what they say is part of the
-- key. Rows that are there keep an empty digest; an event of them that SES repeats after this is kept a second time, which
-- changes no status. A purged mail takes its events with it, also one that comes at the same moment.
ALTER TABLE email_events
    -- SHA-256 of detail
    ADD COLUMN digest bytea NOT NULL DEFAULT '',
    DROP CONSTRAINT email_events_pkey,
    ADD PRIMARY KEY (tenant_id, email_id, type, occurred_at, digest),
    DROP CONSTRAINT email_events_tenant_id_email_id_fkey,
    ADD FOREIGN KEY (tenant_id, email_id) REFERENCES email_log ON DELETE CASCADE;

-- The mail as it went out, for tenants that log in full.
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
    -- the mail it came of, where one is known; it may be gone
    email_id     uuid,
    PRIMARY KEY (tenant_id, address_hash, reason)
);

-- The last mail to an address: its row is taken by who begins to send, so that two sessions of one visitor cannot both
-- keep to "one mail in so many hours".
CREATE TABLE email_recipients (
    tenant_id    text NOT NULL REFERENCES tenants,
    address_hash bytea NOT NULL,
    -- no reference: the mail may be gone
    email_id     uuid NOT NULL,
    sending_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, address_hash)
);
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

-- What a tenant's admins were told: an open alert keeps its rule quiet.
CREATE TABLE alerts (
    tenant_id        text NOT NULL REFERENCES tenants,
    alert_id         uuid NOT NULL,
    -- such as all:5/15, notify:3/10, code:ses_account_suspended
    rule             text NOT NULL,
    opened_at        timestamptz NOT NULL DEFAULT now(),
    closed_at        timestamptz,
    closed_as        text CHECK (closed_as IN ('recovered', 'cooled_down')),
    -- when it was last looked at: failures counted, and how many of each code
    failures         integer NOT NULL CHECK (failures >= 0),
    codes            jsonb NOT NULL,
    last_failure_at  timestamptz NOT NULL,
    -- sending: taken by who sends it, so that a crash leaves one mail or none, never two
    mail_status      text NOT NULL DEFAULT 'pending'
                     CHECK (mail_status IN ('pending', 'sending', 'sent', 'failed', 'unknown')),
    mail_code        text,
    mail_at          timestamptz,
    -- the note that it is over; NULL unless it closed as recovered
    recovery_status  text CHECK (recovery_status IN ('pending', 'sending', 'sent', 'failed', 'unknown')),
    recovery_code    text,
    recovery_at      timestamptz,
    PRIMARY KEY (tenant_id, alert_id),
    CHECK ((closed_at IS NULL) = (closed_as IS NULL))
);
-- opening is the claim: one open alert per rule
CREATE UNIQUE INDEX alerts_open_by_rule ON alerts (tenant_id, rule) WHERE closed_at IS NULL;
-- open, or with a mail that is still to be sent
CREATE INDEX alerts_at_work ON alerts (tenant_id, opened_at)
    WHERE closed_at IS NULL OR mail_status IN ('pending', 'sending') OR recovery_status IN ('pending', 'sending');
CREATE INDEX alerts_closed_by_time ON alerts (tenant_id, closed_at) WHERE closed_at IS NOT NULL;

-- housekeep looks for failures over all tenants
CREATE INDEX IF NOT EXISTS failures_of_all_by_time ON failures (occurred_at, tenant_id);
-- what steps wait for, over all tenants
CREATE INDEX IF NOT EXISTS steps_waiting_by_code ON steps (code, tenant_id) WHERE status = 'waiting';
-- whether a kind of step works again
CREATE INDEX IF NOT EXISTS steps_done_by_time ON steps (tenant_id, finished_at) WHERE status = 'done';
