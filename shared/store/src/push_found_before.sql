SELECT push.id
FROM push
WHERE push.id = ANY($1)
    AND EXISTS (
        SELECT FROM push AS found
        JOIN delivery ON delivery.id = found.delivery_id
        WHERE found.repository = push.repository
            AND found.ref_name = push.ref_name
            AND found.after_sha = push.after_sha
            AND found.id <> push.id
            AND delivery.event = $2
    )
    AND NOT EXISTS (
        SELECT FROM push AS leaving
        WHERE leaving.repository = push.repository
            AND leaving.ref_name = push.ref_name
            AND leaving.before_sha = push.after_sha
    )
