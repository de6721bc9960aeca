-- One statement, so that it is one transaction in one round trip. First the head: whoever moved it
-- is the only one who writes the rest, and who did not move it writes nothing.
WITH newest AS (
    SELECT coalesce(max(tree_size), 0) AS tree_size FROM log_checkpoint WHERE origin = $2
), moved AS (
    UPDATE log_head
    SET tree_size = $3, root_hash = $4, frontier = $5, updated_at = $6
    WHERE epoch = $1 AND origin = $2 AND tree_size = $7 AND root_hash = $8
        -- What is signed goes on from the checkpoint that the leader knows, and from no other.
        AND ($9::text IS NULL OR (SELECT tree_size FROM newest) = $10)
    RETURNING 1
), added AS (
    INSERT INTO ledger_leaf (epoch, leaf_index, audit_entry_id, leaf_hash, recorded_at)
    SELECT $1, $7 + place - 1, id, hash, $6
    FROM UNNEST($11::uuid[], $12::bytea[]) WITH ORDINALITY AS leaf (id, hash, place)
    WHERE EXISTS (SELECT FROM moved)
    RETURNING 1
), removed AS (
    DELETE FROM ledger_pending
    WHERE audit_entry_id = ANY($11::uuid[]) AND EXISTS (SELECT FROM moved)
), signed AS (
    INSERT INTO log_checkpoint (origin, tree_size, root_hash, note, recorded_at)
    SELECT $2, $3, $4, $9, $6 WHERE $9::text IS NOT NULL AND EXISTS (SELECT FROM moved)
)
SELECT EXISTS (SELECT FROM moved) AS moved, (SELECT count(*) FROM added) AS leaves,
       (SELECT tree_size FROM newest) AS newest
