-- Whoever begins to lead the log asks which key it is signed by.
CREATE INDEX audit_entry_key_changes ON audit_entry (id) WHERE action = 'log.key';
