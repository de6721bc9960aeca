-- What a version says is read once, however many sessions are pinned to it.
WITH newest AS (
    SELECT DISTINCT ON (repository, lab_id)
        id, lab_id, lab_version_id, repository, starting_commit, opened_by
    FROM lab_session
    WHERE repository = ANY($1)
    ORDER BY repository, lab_id, generation DESC
), rules AS MATERIALIZED (
    SELECT
        lab_version.id,
        ARRAY(
            SELECT jsonb_array_elements_text(lab_version.spec #> '{session,template_commits}')
            UNION
            SELECT sibling.commit_sha FROM lab_version AS sibling
            WHERE sibling.lab_id = lab_version.lab_id
        ) AS template,
        lab_version.spec #>> '{verify,commits}' AS commits,
        coalesce(lab_version.spec #>> '{verify,executor}', 'box') AS executor
    FROM lab_version
    WHERE lab_version.id IN (SELECT lab_version_id FROM newest)
)
SELECT
    newest.id,
    newest.lab_id,
    newest.lab_version_id,
    newest.repository,
    newest.starting_commit,
    newest.opened_by,
    rules.template,
    rules.commits,
    rules.executor
FROM newest
JOIN rules ON rules.id = newest.lab_version_id
ORDER BY newest.repository, newest.lab_id
