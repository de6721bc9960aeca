-- The audit log (design §8). Every writer adds its entry in its effect's own transaction, and a
-- pending row beside it; the auditor alone turns pending rows into leaves.
CREATE TABLE audit_entry (
    id uuid PRIMARY KEY,
    action text NOT NULL,
    entry text NOT NULL,
    digest text NOT NULL,
    trace_id text,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX audit_entry_trace ON audit_entry (trace_id) WHERE trace_id IS NOT NULL;
SELECT make_append_only('audit_entry');

-- The outbox: one of the two tables that may shrink. A watermark on ids or times would skip
-- what commits late.
CREATE TABLE ledger_pending (
    audit_entry_id uuid PRIMARY KEY REFERENCES audit_entry (id),
    traceparent text,
    queued bigint GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX ledger_pending_queued ON ledger_pending (queued);

CREATE TABLE ledger_leaf (
    leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
    audit_entry_id uuid NOT NULL UNIQUE REFERENCES audit_entry (id),
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    recorded_at timestamptz NOT NULL
);
SELECT make_append_only('ledger_leaf');

CREATE TABLE log_checkpoint (
    origin text NOT NULL,
    tree_size bigint NOT NULL CHECK (tree_size >= 0),
    root_hash bytea NOT NULL CHECK (octet_length(root_hash) = 32),
    note text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (origin, tree_size)
);
SELECT make_append_only('log_checkpoint');

-- The one-row head that fences the sequencer: who cannot swap it cannot sign.
CREATE TABLE log_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    origin text NOT NULL,
    tree_size bigint NOT NULL CHECK (tree_size >= 0),
    root_hash bytea NOT NULL CHECK (octet_length(root_hash) = 32),
    frontier bytea NOT NULL,
    updated_at timestamptz NOT NULL
);

REVOKE ALL ON ledger_pending, log_head FROM PUBLIC;
GRANT INSERT, SELECT ON audit_entry, ledger_pending
    TO assay_attempt_writer, assay_snapshot_builder, assay_verifier, assay_auditor;
GRANT SELECT, DELETE ON ledger_pending TO assay_auditor;
GRANT INSERT, SELECT ON ledger_leaf, log_checkpoint TO assay_auditor;
GRANT INSERT, SELECT, UPDATE ON log_head TO assay_auditor;
GRANT SELECT ON ledger_pending, log_head TO assay_reader;
