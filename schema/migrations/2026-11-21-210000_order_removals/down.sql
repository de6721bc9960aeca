-- Trees that were preserved again after they were removed stand in the way: they are not thrown away.
DROP INDEX snapshot_digest;
ALTER TABLE snapshot DROP COLUMN again;
ALTER TABLE snapshot ADD CONSTRAINT snapshot_lab_session_id_digest_key
    UNIQUE (lab_session_id, digest);
DROP TABLE work.sweep;
REVOKE USAGE ON SCHEMA work FROM assay_attempt_writer, assay_snapshot_builder;
