-- The link is looked for first: it is an index away, and without it there is nothing to ask of the
-- ref's whole history.
SELECT newer.id
FROM verification_request AS request
JOIN push AS this ON request.cause = 'push:' || this.id
JOIN push AS newer
    ON newer.repository = this.repository
    AND newer.ref_name = this.ref_name
    AND newer.before_sha = this.after_sha
    AND newer.after_sha <> this.after_sha
JOIN LATERAL (
    SELECT head.head_sha
    FROM ref_head AS head
    WHERE head.repository = this.repository AND head.ref_name = this.ref_name
) AS head ON head.head_sha <> this.after_sha
WHERE request.id = $1 AND this.kind = 'branch'
ORDER BY newer.received_at DESC, newer.id
LIMIT 1
