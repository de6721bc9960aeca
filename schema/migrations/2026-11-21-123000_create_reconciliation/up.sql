-- Reconciler compares a source's forge with the ledger (design §7). It has a role of its own, as
-- every service has.
DO $$
BEGIN
    CREATE ROLE assay_reconciler LOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
GRANT USAGE ON SCHEMA public TO assay_reconciler;
GRANT SELECT ON schema_version TO assay_reconciler;

-- One comparison of one source: what was looked at, and what did not agree.
CREATE TABLE reconciliation (
    id uuid PRIMARY KEY,
    source text NOT NULL,
    -- `schedule` or `command:<id>`.
    cause text NOT NULL,
    -- NULL where every repository was looked at.
    repository text,
    since_at timestamptz NOT NULL,
    began_at timestamptz NOT NULL CHECK (began_at >= since_at),
    hooks integer NOT NULL CHECK (hooks >= 0),
    deliveries bigint NOT NULL CHECK (deliveries >= 0),
    repositories bigint NOT NULL CHECK (repositories >= 0),
    refs bigint NOT NULL CHECK (refs >= 0),
    delivery_gaps bigint NOT NULL CHECK (delivery_gaps >= 0),
    ref_gaps bigint NOT NULL CHECK (ref_gaps >= 0),
    -- Whether the forge told of every delivery of the window. Only then does the window move on; a
    -- repository whose refs could not be asked for is asked again in any case.
    deliveries_complete boolean NOT NULL,
    -- The oldest delivery that is still missing: the next run looks back as far as that.
    oldest_gap_at timestamptz,
    outcome text NOT NULL CHECK (outcome IN ('complete', 'incomplete')),
    reason text,
    recorded_at timestamptz NOT NULL,
    CHECK ((outcome = 'incomplete') = (reason IS NOT NULL))
);
CREATE INDEX reconciliation_source ON reconciliation (source, began_at);
SELECT make_append_only('reconciliation');

-- What the ledger lacked, once for ever, whoever finds it and however often. `first_attempt_at` is
-- the forge's own word: with it a push can be shown to have been in time although we refused it.
CREATE TABLE reconciliation_gap (
    id uuid PRIMARY KEY,
    reconciliation_id uuid NOT NULL REFERENCES reconciliation (id),
    source text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('delivery-failed', 'delivery-lost', 'ref')),
    -- The forge's id of the delivery; for a ref the id under which its push was recorded.
    subject text NOT NULL,
    repository text,
    ref_name text,
    before_sha text,
    after_sha text,
    event text,
    first_attempt_at timestamptz,
    last_status integer,
    action text NOT NULL CHECK (action IN ('redelivery', 'record', 'none')),
    recorded_at timestamptz NOT NULL,
    UNIQUE (source, subject)
);
CREATE INDEX reconciliation_gap_run ON reconciliation_gap (reconciliation_id);
SELECT make_append_only('reconciliation_gap');

GRANT INSERT, SELECT ON reconciliation, reconciliation_gap, command, audit_entry, ledger_pending
    TO assay_reconciler;
GRANT SELECT ON delivery_receipt, push, ref_head, lab_session TO assay_reconciler;
-- The newest push of a ref is what a found ref is held against.
CREATE INDEX push_ref_newest ON push (repository, ref_name, received_at DESC, id DESC);

-- A delivery that we refused, or lost, was in time when the forge first tried to make it: the
-- forge's word for that time counts as our own would have. (Design: our delay is never the
-- learner's lateness.)
CREATE OR REPLACE VIEW lab_attempt_received AS
SELECT
    attempt.id AS lab_attempt_id,
    least(attempt.received_at, missed.first_attempt_at, earliest.received_at) AS received_at
FROM lab_attempt AS attempt
JOIN lab_session AS session ON session.id = attempt.lab_session_id
JOIN delivery_receipt AS brought ON brought.delivery_id = attempt.delivery_id
LEFT JOIN reconciliation_gap AS missed
    ON missed.source = brought.source AND missed.subject = brought.forge_delivery
LEFT JOIN LATERAL (
    SELECT min(least(push.received_at, gap.first_attempt_at)) AS received_at
    FROM push
    LEFT JOIN delivery_receipt AS receipt ON receipt.delivery_id = push.delivery_id
    LEFT JOIN reconciliation_gap AS gap
        ON gap.source = receipt.source AND gap.subject = receipt.forge_delivery
    WHERE push.repository = session.repository AND push.after_sha = attempt.commit_sha
) AS earliest ON true;
