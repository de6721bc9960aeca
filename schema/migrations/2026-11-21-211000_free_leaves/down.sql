ALTER TABLE ledger_pending
    ADD CONSTRAINT ledger_pending_audit_entry_id_fkey
    FOREIGN KEY (audit_entry_id) REFERENCES audit_entry (id);
ALTER TABLE ledger_leaf
    ADD CONSTRAINT ledger_leaf_audit_entry_id_fkey
    FOREIGN KEY (audit_entry_id) REFERENCES audit_entry (id);
