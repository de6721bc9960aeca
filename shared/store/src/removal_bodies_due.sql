-- A body stays as long as any lab wants it whose session its repository has; where there is none, or
-- none that says, as long as the house does. What names somebody under a hold stays.
WITH rule AS (
    SELECT DISTINCT ON (version.lab_id)
        version.lab_id,
        coalesce((version.spec #>> '{retention,raw_bodies_days}')::bigint, $2) AS days
    FROM lab_version AS version
    ORDER BY version.lab_id, version.number DESC
), shortest AS (
    -- Nothing younger than the shortest rule is looked at.
    SELECT least(min(days), $2) AS days FROM rule
), held AS (
    SELECT principal_id FROM (
        SELECT DISTINCT ON (principal_id) principal_id, action
        FROM legal_hold ORDER BY principal_id, recorded_at DESC, id DESC
    ) AS newest
    WHERE action = 'held'
)
SELECT body.delivery_id, body.body_digest
FROM privacy.delivery_body AS body
CROSS JOIN LATERAL (
    SELECT count(*) AS sessions, bool_or(rule.days IS NULL) AS for_ever, max(rule.days) AS days
    FROM push
    JOIN lab_session AS session ON session.repository = push.repository
    JOIN rule ON rule.lab_id = session.lab_id
    WHERE push.delivery_id = body.delivery_id AND push.body_digest = body.body_digest
) AS of_labs
WHERE body.recorded_at <= $1 - (SELECT days FROM shortest) * interval '1 day'
    AND body.recorded_at <= $1 - interval '1 day'
        * CASE WHEN of_labs.sessions = 0 THEN $2 WHEN of_labs.for_ever THEN NULL ELSE of_labs.days END
    AND NOT EXISTS (
        SELECT FROM privacy.named_in_body AS named
        JOIN held USING (principal_id)
        WHERE named.delivery_id = body.delivery_id AND named.body_digest = body.body_digest
    )
ORDER BY body.recorded_at, body.delivery_id, body.body_digest
LIMIT $3
