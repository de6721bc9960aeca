-- In the order of bytes: other orders pass over punctuation, and names hold little else.
SELECT
    repository,
    coalesce(array_agg(DISTINCT starting_commit) FILTER (WHERE starting_commit IS NOT NULL), '{}')
        AS starting
FROM lab_session
WHERE starts_with(repository, $1)
    AND repository COLLATE "C" > $2
    AND (closes_at IS NULL OR closes_at > $3)
GROUP BY repository
ORDER BY repository COLLATE "C"
LIMIT $4
