ALTER TABLE log_head DROP COLUMN epoch;
-- Fails where there is more than one epoch: the schema before has no room for their leaves.
ALTER TABLE ledger_leaf DROP CONSTRAINT ledger_leaf_audit_entry_id_epoch_key;
ALTER TABLE ledger_leaf ADD UNIQUE (audit_entry_id);
ALTER TABLE ledger_leaf DROP CONSTRAINT ledger_leaf_pkey;
ALTER TABLE ledger_leaf ADD PRIMARY KEY (leaf_index);
ALTER TABLE ledger_leaf DROP COLUMN epoch;
DROP TABLE log_epoch;
