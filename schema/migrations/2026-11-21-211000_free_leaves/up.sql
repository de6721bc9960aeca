-- Each leaf's reference to its entry was looked up and locked again, a write to the entry's row, and
-- so was each pending row's. Both are written by one statement each from entries that are there
-- (audit_entry_append.sql, log_step_take.sql), entries are never removed, and the log's check names a
-- leaf whose entry is gone.
ALTER TABLE ledger_leaf DROP CONSTRAINT ledger_leaf_audit_entry_id_fkey;
ALTER TABLE ledger_pending DROP CONSTRAINT ledger_pending_audit_entry_id_fkey;
