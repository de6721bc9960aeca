-- A log has epochs, each a log of its own with an origin of its own (design §8): what was restored
-- from a backup must not go on under a name for which a longer log may have been signed.
CREATE TABLE log_epoch (
    epoch bigint PRIMARY KEY CHECK (epoch > 0),
    origin text NOT NULL UNIQUE,
    -- The last checkpoint that was known of what came before; NULL for the first epoch, and where
    -- nothing had been signed.
    previous_origin text,
    previous_size bigint CHECK (previous_size >= 0),
    previous_root bytea CHECK (octet_length(previous_root) = 32),
    previous_note text,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CHECK (num_nulls(previous_origin, previous_size, previous_root, previous_note) IN (0, 4))
);
SELECT make_append_only('log_epoch');
GRANT INSERT, SELECT ON log_epoch TO assay_auditor;
INSERT INTO log_epoch (epoch, origin, reason, recorded_at)
    SELECT 1, origin, 'the log was begun', updated_at FROM log_head;

-- Leaves are counted from 0 in each epoch. An entry whose leaf no checkpoint covered when its epoch
-- ended has another leaf in the next one. There is no reference to log_epoch: it would cost each
-- leaf a look-up, and what the epochs are is checked with the log.
ALTER TABLE ledger_leaf ADD COLUMN epoch bigint NOT NULL DEFAULT 1 CHECK (epoch > 0);
ALTER TABLE ledger_leaf DROP CONSTRAINT ledger_leaf_pkey;
ALTER TABLE ledger_leaf ADD PRIMARY KEY (epoch, leaf_index);
ALTER TABLE ledger_leaf DROP CONSTRAINT ledger_leaf_audit_entry_id_key;
ALTER TABLE ledger_leaf ADD UNIQUE (audit_entry_id, epoch);

ALTER TABLE log_head ADD COLUMN epoch bigint NOT NULL DEFAULT 1 CHECK (epoch > 0);
