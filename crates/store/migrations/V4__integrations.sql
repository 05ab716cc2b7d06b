-- Integrations that disable themselves and resume, what they may ask of third parties, and what webhooks are told.
--
-- The order: deploy this release, then run this right after. This release takes a table or column that is still to come for
-- a condition that passes, and retries. The release before runs on this schema; it cannot read a configuration that names
-- what is new in this release, nor the messages of events, which nobody plans until a webhook asks for them.
--
-- Nothing is rewritten: no default is computed. The indexes of steps and integration_log come first and read their tables,
-- which are locked for writing meanwhile: on large ones make them before, with CREATE INDEX CONCURRENTLY and the same names.
-- The new columns and triggers of sessions, steps, integration_log and email_log then lock these for as long as the rest takes.

-- Nobody waits for long behind a lock that this does not get. It is undone as a whole then: run it again.
SET LOCAL lock_timeout = '5s';

-- what an integration has failed to sync
CREATE INDEX IF NOT EXISTS steps_failed ON steps (tenant_id, session_id) WHERE status = 'failed';
-- what an integration has synced, and what it has not
CREATE INDEX IF NOT EXISTS integration_log_by_integration ON integration_log (tenant_id, integration_id, updated_at);

ALTER TABLE integrations
    -- set with disabled_reason by code that switches an integration off, such as 'unauthorized': its sessions wait. NULL where
    -- whoever administers it switched it off: its sessions are skipped
    ADD COLUMN disabled_code text,
    ADD COLUMN disabled_at timestamptz,
    -- no longer used; the row stays for the log
    ADD COLUMN removed_at timestamptz,
    -- domain::integration::Connection: what the last check found
    ADD COLUMN connection jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN checked_at timestamptz;
-- The release before disabled for one reason only.
UPDATE integrations SET disabled_code = 'gone', disabled_at = updated_at WHERE NOT enabled AND disabled_reason IS NOT NULL;
-- housekeep looks for those that admins must mend, over all tenants
CREATE INDEX integrations_disabled ON integrations (tenant_id) WHERE disabled_code IS NOT NULL AND removed_at IS NULL;

-- Who may ask a third party now: one row per integration, made when it is first asked.
CREATE TABLE integration_gates (
    tenant_id      text NOT NULL,
    integration_id text NOT NULL,
    -- in a row; from a threshold on the circuit is open
    failures       integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    -- the first failure after the last success
    failing_since  timestamptz,
    last_success_at timestamptz,
    -- nobody asks before
    open_until     timestamptz,
    -- somebody asks whether it works again
    probe_until    timestamptz,
    -- the third party has asked for rest until then, and why
    limited_until  timestamptz,
    limit_code     text,
    -- when the lease of each sync ends that is under way
    leases         timestamptz[] NOT NULL DEFAULT '{}',
    -- requests in each of the last seconds, the last one being second spent_at of the epoch
    spent          integer[] NOT NULL DEFAULT '{}',
    spent_at       bigint NOT NULL DEFAULT 0,
    -- the end of the line of those that have to wait for their turn
    line_until     timestamptz NOT NULL DEFAULT '-infinity',
    -- somebody gets a new access token
    renewing_until timestamptz,
    PRIMARY KEY (tenant_id, integration_id),
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations ON DELETE CASCADE
);

-- Which session makes a person in a third party that takes an address twice; the row goes when the person is there.
CREATE TABLE person_leases (
    tenant_id      text NOT NULL,
    -- domain::address_hash::AddressHash
    address_hash   bytea NOT NULL CHECK (length(address_hash) = 32),
    integration_id text NOT NULL,
    -- whose sync it is
    session_id     text NOT NULL,
    analysis_version integer NOT NULL,
    ends_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, address_hash, integration_id),
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations ON DELETE CASCADE
);
CREATE INDEX person_leases_by_age ON person_leases (tenant_id, ends_at);

ALTER TABLE steps
    -- false: tells of the session and is no part of it, so it may be planned, and end, after the session has
    ADD COLUMN of_session boolean NOT NULL DEFAULT true,
    -- its turn in the line of its integration
    ADD COLUMN booked_at timestamptz;

-- the integration that a step is for; NULL for other steps
CREATE FUNCTION step_integration(step text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(step FROM '^crm_sync(?:@[0-9]+)?:([^/]+)');

ALTER TABLE integration_log
    -- until when the third party may be being written to; one version of a session at a time
    ADD COLUMN writing_until timestamptz,
    -- whether every attempt until now named the record by a key, so that repeating it cannot leave two
    ADD COLUMN keyed boolean NOT NULL DEFAULT false,
    -- how often the third party was asked
    ADD COLUMN tries integer NOT NULL DEFAULT 0,
    -- the last error in words, and what was left out of a record that was written; neither has content
    ADD COLUMN error text,
    ADD COLUMN notice text,
    -- when the record was there
    ADD COLUMN synced_at timestamptz;
-- as who runs the deployment sees it: a code says for what an unfinished sync waits
CREATE FUNCTION shown_status(status text, code text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN status IN ('pending', 'writing') AND code IS NOT NULL THEN 'waiting' ELSE status END;

-- A step that ends without its function, because it panicked or was lost, ends its row too.
CREATE FUNCTION sync_has_failed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE integration_log
    SET status = 'failed', code = NEW.code, writing_until = NULL, updated_at = now(),
        error = 'It was never finished, however often it was begun. Replay it.' || coalesce(' Before: ' || error, '')
    WHERE tenant_id = NEW.tenant_id AND session_id = NEW.session_id AND integration_id = step_integration(NEW.step)
      AND analysis_version = coalesce(substring(NEW.step FROM '^crm_sync@([0-9]+)')::integer, 1)
      AND status IN ('pending', 'writing');
    RETURN NULL;
END $$;
CREATE TRIGGER sync_has_failed AFTER UPDATE OF status ON steps
    FOR EACH ROW WHEN (NEW.status = 'failed' AND OLD.status <> 'failed' AND NEW.of_session)
    EXECUTE FUNCTION sync_has_failed();

-- Every request to a webhook, with what came back.
CREATE TABLE webhook_attempts (
    tenant_id      text NOT NULL,
    attempt_id     uuid NOT NULL,
    integration_id text NOT NULL,
    session_id     text NOT NULL,
    webhook_id     text NOT NULL,
    -- domain::event::Event
    event          text NOT NULL,
    -- of a replay: does not count for the integration's health
    is_replay      boolean NOT NULL,
    began_at       timestamptz NOT NULL,
    duration_ms    integer NOT NULL CHECK (duration_ms >= 0),
    -- of the answer; NULL: there was none
    status         integer,
    -- why it was not delivered; NULL: it was
    code           text,
    -- the beginning of the answer's body
    answer         text,
    PRIMARY KEY (tenant_id, attempt_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions,
    FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations
);
CREATE INDEX webhook_attempts_by_session ON webhook_attempts (tenant_id, session_id);
CREATE INDEX webhook_attempts_by_age ON webhook_attempts (tenant_id, began_at);
CREATE INDEX webhook_attempts_by_integration ON webhook_attempts (tenant_id, integration_id, began_at);

-- Plans an event for each webhook of the tenant that asks for its type; the stage that changed the session sends the
-- messages, and housekeep those that got lost. In the statement that changes what is told, so that none is missed.
CREATE FUNCTION plan_event(tenant text, session text, event_type text, event text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO steps (tenant_id, session_id, step, message, of_session)
    SELECT tenant, session, 'crm_sync:' || integration_id || '/' || event,
           jsonb_build_object('type', 'crm-sync.v2', 'tenant_id', tenant, 'session_id', session,
                              'integration_id', integration_id, 'event', event)::text,
           false
    FROM integrations
    WHERE tenant_id = tenant AND removed_at IS NULL AND (enabled OR disabled_code IS NOT NULL)
      AND config ->> 'kind' = 'webhook' AND config -> 'events' ? event_type
    ON CONFLICT (tenant_id, session_id, step) DO NOTHING
$$;

-- domain::event::Event: with the code, which the session no longer has once it is mended, and from the second time on
-- with how often it has been told to fail.
CREATE FUNCTION session_has_failed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    times integer;
    last_told timestamptz;
BEGIN
    SELECT 1 + count(DISTINCT split_part(step, '/', 2)), max(created_at) INTO times, last_told FROM steps
    WHERE tenant_id = NEW.tenant_id AND session_id = NEW.session_id AND step LIKE 'crm\_sync:%/session.failed@%';
    -- It has ended again, and what failed before still has: nothing new is to be told.
    IF times > 1 AND NOT EXISTS (SELECT FROM steps WHERE tenant_id = NEW.tenant_id AND session_id = NEW.session_id
                                 AND status = 'failed' AND of_session AND finished_at > last_told) THEN
        RETURN NULL;
    END IF;
    PERFORM plan_event(NEW.tenant_id, NEW.session_id, 'session.failed',
                       'session.failed@' || coalesce(NEW.failure_code, 'unknown')
                       || CASE WHEN times > 1 THEN '@' || times ELSE '' END);
    RETURN NULL;
END $$;
CREATE TRIGGER session_has_failed AFTER UPDATE OF status ON sessions
    FOR EACH ROW WHEN (NEW.status = 'failed' AND OLD.status <> 'failed') EXECUTE FUNCTION session_has_failed();

CREATE FUNCTION email_has_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM plan_event(NEW.tenant_id, NEW.session_id, 'email.status', 'email.status@' || NEW.email_id || '@' || NEW.status);
    RETURN NULL;
END $$;
CREATE TRIGGER email_has_status AFTER UPDATE OF status ON email_log
    FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status AND NEW.status NOT IN ('queued', 'sending'))
    EXECUTE FUNCTION email_has_status();
CREATE TRIGGER email_begins_with_status AFTER INSERT ON email_log
    FOR EACH ROW WHEN (NEW.status NOT IN ('queued', 'sending')) EXECUTE FUNCTION email_has_status();
