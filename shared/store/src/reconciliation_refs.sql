SELECT
    head.repository,
    head.ref_name,
    head.head_sha,
    newest.id AS newest_push,
    newest.after_sha AS newest_sha
FROM ref_head AS head
CROSS JOIN LATERAL (
    SELECT push.id, push.after_sha
    FROM push
    WHERE push.repository = head.repository AND push.ref_name = head.ref_name
    ORDER BY push.received_at DESC, push.id DESC
    LIMIT 1
) AS newest
WHERE head.repository = ANY($1) AND head.kind IN ('branch', 'tag')
