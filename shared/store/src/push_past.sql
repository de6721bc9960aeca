-- What bounds the commits that a push brought to a session, beside what its ref was before.
WITH this AS (
    SELECT push.id, push.repository, push.received_at FROM push WHERE push.id = $1
), session AS (
    SELECT session.*, version.spec
    FROM lab_session AS session
    JOIN lab_version AS version ON version.id = session.lab_version_id
    WHERE session.id = $2
)
-- The lab's own history.
SELECT template.sha, true AS always
FROM session, jsonb_array_elements_text(session.spec #> '{session,template_commits}')
    AS template (sha)
UNION ALL
SELECT version.commit_sha, true
FROM session JOIN lab_version AS version ON version.lab_id = session.lab_id
UNION ALL
-- Where an enrolled session began.
SELECT session.starting_commit, false
FROM session
WHERE session.starting_commit IS NOT NULL AND session.opened_by LIKE 'enrolment:%'
UNION ALL
-- Where earlier pushes led that the session has. Of any two pushes only the later one leaves out
-- what the other has, so that nothing is left out by both.
SELECT * FROM (
    SELECT earlier.after_sha, false
    FROM this
    JOIN push AS earlier ON earlier.repository = this.repository
        AND (earlier.received_at, earlier.id) < (this.received_at, this.id)
        AND earlier.kind = 'branch'
        AND earlier.after_sha IS NOT NULL
    JOIN session ON true
    JOIN lab_attempt AS attempt
        ON attempt.lab_session_id = session.id AND attempt.commit_sha = earlier.after_sha
    ORDER BY earlier.received_at DESC, earlier.id DESC
    LIMIT $3
) AS earlier
