-- Each asked by itself, by the index of its key: a plan that joins would read whole tables as long
-- as nobody has counted their rows.
SELECT
    asked.request_id,
    (SELECT lab_version_id FROM verification_request WHERE id = asked.request_id) AS lab_version_id,
    coalesce(
        (
            SELECT max(token) FROM verification_claim AS claim
            WHERE claim.request_id = asked.request_id AND claim.try_number = asked.try_number
        ),
        0
    ) AS token,
    -- No EXISTS: it may be planned as a hash of the whole table, made anew for each batch.
    coalesce(
        (
            SELECT true FROM verification_attempt AS tried
            WHERE tried.request_id = asked.request_id AND tried.try_number = asked.try_number
        ),
        false
    ) AS is_over
FROM UNNEST($1, $2) AS asked (request_id, try_number)
