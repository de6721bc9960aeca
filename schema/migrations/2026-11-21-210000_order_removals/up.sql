-- Who puts objects of a session and who removes them must not pass each other: an object that was
-- found to be there, and so was not put again, may be gone before the row that names it is written.
-- Whoever removes holds the session's lock and counts here before the first object goes; whoever puts
-- looks at the count before the first object and again in the transaction that names them.
CREATE TABLE work.sweep (
    lab_session_id uuid PRIMARY KEY REFERENCES lab_session (id),
    -- How often objects of the session were removed.
    sweeps bigint NOT NULL DEFAULT 0,
    -- How often a transaction said that something is to go, when last, and how many of these were
    -- carried out, when last.
    wanted bigint NOT NULL,
    wanted_at timestamptz NOT NULL,
    swept bigint NOT NULL DEFAULT 0,
    swept_at timestamptz,
    CHECK (swept <= wanted)
);
-- What was removed before there was this table is looked at once more.
INSERT INTO work.sweep (lab_session_id, wanted, wanted_at)
SELECT lab_session_id, 1, max(recorded_at) FROM removal
WHERE lab_session_id IS NOT NULL GROUP BY lab_session_id;

GRANT USAGE ON SCHEMA work TO assay_attempt_writer, assay_snapshot_builder;
GRANT INSERT, SELECT, UPDATE ON work.sweep TO assay_attempt_writer;
GRANT SELECT ON work.sweep TO assay_snapshot_builder, assay_verifier, assay_reader;

-- A tree that is pushed again after it was removed is preserved again, as a snapshot of its own: the
-- row that says it was removed stays true of the one before. Empty for the first.
ALTER TABLE snapshot ADD COLUMN again integer CHECK (again > 0);
ALTER TABLE snapshot DROP CONSTRAINT snapshot_lab_session_id_digest_key;
CREATE UNIQUE INDEX snapshot_digest ON snapshot (lab_session_id, digest, coalesce(again, 0));
