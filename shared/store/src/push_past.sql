-- What bounds the commits that a push brought to a session, beside what its ref was before. Each row is
-- asked by itself, by the index of its key: a plan that joins could read whole tables.
-- The lab's own history.
SELECT template.sha, true AS always
FROM jsonb_array_elements_text((
    SELECT spec #> '{session,template_commits}'
    FROM lab_version
    WHERE id = (SELECT lab_version_id FROM lab_session WHERE id = $2)
)) AS template (sha)
UNION ALL
SELECT commit_sha, true
FROM lab_version
WHERE lab_id = (SELECT lab_id FROM lab_session WHERE id = $2)
UNION ALL
-- Where an enrolled session began.
SELECT starting_commit, false
FROM lab_session
WHERE id = $2 AND starting_commit IS NOT NULL AND opened_by LIKE 'enrolment:%'
UNION ALL
-- Where earlier pushes led that the session has. Of any two pushes only the later one leaves out
-- what the other has, so that nothing is left out by both.
SELECT sha, false
FROM (
    SELECT earlier.after_sha AS sha
    FROM push AS earlier
    WHERE earlier.repository = (SELECT repository FROM push WHERE id = $1)
        AND (earlier.received_at, earlier.id) < ((SELECT received_at FROM push WHERE id = $1), $1)
        AND earlier.kind = 'branch'
        AND earlier.after_sha IS NOT NULL
        AND (
            SELECT true
            FROM lab_attempt
            WHERE lab_session_id = $2 AND commit_sha = earlier.after_sha
        )
    ORDER BY earlier.received_at DESC, earlier.id DESC
    LIMIT $3
) AS led
