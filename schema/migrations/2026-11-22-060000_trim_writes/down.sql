ALTER TABLE privacy.delivery_body ALTER COLUMN sealed_body SET STORAGE EXTENDED;
CREATE INDEX push_repository_ref ON push (repository, ref_name);
