SELECT newer.id
FROM verification_request AS request
JOIN push AS this
    ON this.id = CASE WHEN request.cause LIKE 'push:%' THEN substring(request.cause FROM 6)::uuid END
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
