SELECT DISTINCT ON (lab_session.repository, lab_session.lab_id)
    lab_session.id,
    lab_session.lab_id,
    lab_session.lab_version_id,
    lab_session.repository,
    lab_session.starting_commit,
    lab_session.opened_by,
    ARRAY(
        SELECT jsonb_array_elements_text(lab_version.spec #> '{session,template_commits}')
        UNION
        SELECT sibling.commit_sha FROM lab_version AS sibling
        WHERE sibling.lab_id = lab_session.lab_id
    ) AS template,
    lab_version.spec #>> '{verify,commits}' AS commits,
    coalesce(lab_version.spec #>> '{verify,executor}', 'box') AS executor
FROM lab_session
JOIN lab_version ON lab_version.id = lab_session.lab_version_id
WHERE lab_session.repository = ANY($1)
ORDER BY lab_session.repository, lab_session.lab_id, lab_session.generation DESC
