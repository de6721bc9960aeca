DROP INDEX audit_entry_key_changes;
