-- Analyses with a history: versions that are made again, what each call of a model cost, and steps that wait.
--
-- The order: deploy this release, then run this right after. This release takes a table, column or key that is still to
-- come for a condition that passes, and retries. The release before does not run on this schema. It names the old keys of
-- email_log and integration_log (see there). It cannot read the status 'waiting' of a session, nor a step that names a
-- version, such as analyze@2; so going back to it takes a database without either. For everything else here it finds what
-- it knows, with defaults for what it does not write.
--
-- No default is computed, so no table is rewritten. But checks read their tables, and the new keys and the new index are
-- built, while the tables are locked; the locks are held to the end. NOT VALID and VALIDATE would not shorten that: in one
-- transaction VALIDATE runs under the lock that NOT VALID took, and the checks of the new columns read the tables anyway.

-- Nobody waits for long behind a lock that this does not get. It is undone as a whole then: run it again.
SET LOCAL lock_timeout = '5s';

-- A step that waits for a time to come, such as a budget's next month: due_at says when, code says for what. Its message
-- is gone from the queue; housekeep sends it again when it is due.
--
-- steps.tries counts nothing any more: model_calls does, for each part. The release after this drops the column.
ALTER TABLE steps
    DROP CONSTRAINT steps_status_check,
    ADD CONSTRAINT steps_status_check
        CHECK (status IN ('pending', 'running', 'waiting', 'done', 'skipped', 'failed')),
    -- how often it was run again after it had failed: calls of a model are counted anew
    ADD COLUMN replays integer NOT NULL DEFAULT 0 CHECK (replays >= 0);
-- housekeep looks for steps that are due, over all tenants
CREATE INDEX steps_waiting_by_due ON steps (due_at) WHERE status = 'waiting';

ALTER TABLE sessions
    DROP CONSTRAINT sessions_status_check,
    ADD CONSTRAINT sessions_status_check
        CHECK (status IN ('active', 'processing', 'waiting', 'completed', 'failed')),
    -- open steps that wait; the session is 'waiting' while there are any
    ADD COLUMN waiting_steps integer NOT NULL DEFAULT 0 CHECK (waiting_steps >= 0);

ALTER TABLE analyses
    -- placeholder in the document to what stood in the transcript; never in a log, a mail or a third party
    ADD COLUMN originals jsonb NOT NULL DEFAULT '{}';

-- Analyses of the parts of a long transcript, until they are merged: the statement that stores the analysis removes them.
CREATE TABLE analysis_parts (
    tenant_id        text NOT NULL,
    session_id       text NOT NULL,
    analysis_version integer NOT NULL CHECK (analysis_version >= 1),
    -- from 0
    part             integer NOT NULL CHECK (part >= 0),
    document         jsonb NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id, analysis_version, part),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);

-- Every request to a model, written before it is made.
CREATE TABLE model_calls (
    tenant_id          text NOT NULL,
    session_id         text NOT NULL,
    analysis_version   integer NOT NULL CHECK (analysis_version >= 1),
    call_id            uuid NOT NULL,
    -- of the transcript, from 0; -1: the call that merges the parts
    part               integer NOT NULL CHECK (part >= -1),
    -- steps.replays when it was made
    replay             integer NOT NULL CHECK (replay >= 0),
    -- counts from 1 for each part and replay; one that had no answer has its number again
    attempt            integer NOT NULL CHECK (attempt >= 1),
    model              text NOT NULL,
    prompt_version     text NOT NULL,
    -- begun: under way, or lost with its delivery
    outcome            text NOT NULL DEFAULT 'begun'
                       CHECK (outcome IN ('begun', 'usable', 'shortcomings', 'invalid', 'refused', 'no_answer')),
    -- why, such as was_cut_off or model_throttled
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

-- What the calls of a tenant cost, as far as prices are known: a budget is checked before each call.
CREATE TABLE model_spend (
    tenant_id text NOT NULL REFERENCES tenants,
    -- its first day, in UTC
    month     date NOT NULL,
    cost_usd  double precision NOT NULL DEFAULT 0,
    -- calls that were answered
    calls     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, month)
);

-- A later version's mail and sync are rows of their own. Swapping the keys is safe: the rows that are there are of version
-- 1 and stay unique, so nothing is lost and nothing is sent twice. Code of the release before names the old key in
-- ON CONFLICT; until it is replaced it fails there with 42P10, before anything is sent or written. This code retries on
-- 42P10, as on a column that is still to come; the code before it takes the message to the dead-letter queue, from where a
-- replay completes it.
ALTER TABLE email_log
    ADD COLUMN analysis_version integer NOT NULL DEFAULT 1 CHECK (analysis_version >= 1),
    DROP CONSTRAINT email_log_tenant_id_session_id_template_key,
    -- one mail per session, template and version: this is what makes a second one impossible
    ADD UNIQUE (tenant_id, session_id, template, analysis_version);

ALTER TABLE integration_log
    ADD COLUMN analysis_version integer NOT NULL DEFAULT 1 CHECK (analysis_version >= 1),
    DROP CONSTRAINT integration_log_pkey,
    ADD PRIMARY KEY (tenant_id, session_id, integration_id, analysis_version);
