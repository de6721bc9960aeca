DROP TABLE log_head;
DROP TABLE log_checkpoint;
DROP TABLE ledger_leaf;
DROP TABLE ledger_pending;
DROP TABLE audit_entry;
