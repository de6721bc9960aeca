-- An entry bundle holds entries of at most 65,535 bytes (C2SP tlog-tiles); what covers more rows is
-- written in parts. NOT VALID: what was written before is the auditor's to judge.
ALTER TABLE audit_entry
    ADD CONSTRAINT audit_entry_fits CHECK (octet_length(entry) <= 65535) NOT VALID;
