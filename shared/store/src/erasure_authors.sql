-- Authors of the people's commits, by what is recorded of attempts and of bodies, and of no one
-- else's: a pusher who is not among them takes an author out.
WITH told AS (
    SELECT attempt.author_id AS author, push.pusher_id AS pusher
    FROM push
    JOIN lab_attempt AS attempt ON attempt.push_id = push.id
    WHERE push.pusher_id = ANY($1) AND attempt.author_id IS NOT NULL
    UNION
    SELECT named.principal_id, body.owner_id
    FROM privacy.delivery_body AS body
    JOIN privacy.named_in_body AS named USING (delivery_id, body_digest)
    WHERE body.owner_id = ANY($1)
)
SELECT DISTINCT told.author AS id
FROM told
JOIN principal ON principal.id = told.author AND principal.provider = 'git'
WHERE NOT told.author = ANY($1)
    AND NOT EXISTS (
        SELECT FROM lab_attempt AS attempt
        JOIN push ON push.id = attempt.push_id
        WHERE attempt.author_id = told.author
            AND push.pusher_id IS NOT NULL AND NOT push.pusher_id = ANY($1)
    )
    AND NOT EXISTS (
        SELECT FROM privacy.named_in_body AS named
        JOIN privacy.delivery_body AS body USING (delivery_id, body_digest)
        WHERE named.principal_id = told.author
            AND NOT body.owner_id = ANY($1) AND body.owner_id <> told.author
    )
