-- A push that went on from where the one that caused this request left the ref. Each row is asked by
-- itself, by the index of its key: a plan that joins could read whole tables.
SELECT (
    SELECT newer.id
    FROM push AS newer
    WHERE newer.repository = this.repository
        AND newer.ref_name = this.ref_name
        AND newer.before_sha = this.after_sha
        AND newer.after_sha <> this.after_sha
    LIMIT 1
) AS id
FROM push AS this
WHERE this.kind = 'branch' AND this.id = (
    SELECT CASE WHEN cause LIKE 'push:%' THEN substring(cause FROM 6)::uuid END
    FROM verification_request
    WHERE id = $1
)
