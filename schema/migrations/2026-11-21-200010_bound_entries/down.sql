ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_fits;
