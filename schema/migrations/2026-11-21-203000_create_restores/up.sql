-- A ledger that was made anew from a backup (design §8). The row is written before any data is
-- loaded, so that a restore that broke off is seen by whoever looks.
CREATE TABLE restore (
    id uuid PRIMARY KEY,
    -- The backup, by the id in its manifest, and the manifest's own digest.
    backup_id uuid NOT NULL,
    manifest_digest text NOT NULL,
    backup_made_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);
SELECT make_append_only('restore');

CREATE TABLE restore_step (
    restore_id uuid NOT NULL REFERENCES restore (id),
    step text NOT NULL
        CHECK (step IN ('ledger', 'objects', 'log', 'erasures', 'finished')),
    -- What came of it: counts, the checkpoint that was linked to. Free of personal data.
    detail jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (restore_id, step)
);
SELECT make_append_only('restore_step');

-- While this has a row nothing may serve: what was erased since the backup may be back. Every
-- service asks at start, whatever its role; there is nothing in it to hide.
CREATE VIEW restore_unfinished AS
    SELECT id, backup_id, recorded_at FROM restore
    WHERE NOT EXISTS (
        SELECT FROM restore_step WHERE restore_id = restore.id AND step = 'finished');
GRANT SELECT ON restore_unfinished TO PUBLIC;
