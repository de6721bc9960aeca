-- The pushes of a ref follow each other by before and after, in whatever order they arrive. What
-- follows here is computed from the rows, so that a push that comes late needs no correction.
CREATE INDEX push_ref_after ON push (repository, ref_name, after_sha);
CREATE INDEX push_ref_before ON push (repository, ref_name, before_sha);
-- Which pushes brought a commit as their head: when it was first received.
CREATE INDEX push_repository_after ON push (repository, after_sha);

-- Each push with the one before it and the one after it. A ref can come back to a commit, so there
-- may be several that fit: then the nearest in time that lies on the right side, else the nearest.
-- `unmatched`: no push that we know led to where this one began. The first that we saw of a ref is
-- that, and each one after a push that never reached us.
CREATE VIEW push_link AS
SELECT
    push.id AS push_id,
    push.delivery_id,
    push.repository,
    push.ref_name,
    push.kind,
    push.before_sha,
    push.after_sha,
    push.received_at,
    predecessor.id AS predecessor_id,
    successor.id AS successor_id,
    push.before_sha IS NOT NULL AND predecessor.id IS NULL AS unmatched
FROM push
LEFT JOIN LATERAL (
    SELECT other.id
    FROM push AS other
    WHERE other.repository = push.repository
        AND other.ref_name = push.ref_name
        AND other.id <> push.id
        AND (other.after_sha = push.before_sha
            OR (push.before_sha IS NULL AND other.after_sha IS NULL))
    ORDER BY
        other.received_at <= push.received_at DESC,
        abs(extract(epoch FROM other.received_at - push.received_at)),
        other.id
    LIMIT 1
) AS predecessor ON true
LEFT JOIN LATERAL (
    SELECT other.id
    FROM push AS other
    WHERE other.repository = push.repository
        AND other.ref_name = push.ref_name
        AND other.id <> push.id
        AND (other.before_sha = push.after_sha
            OR (push.after_sha IS NULL AND other.before_sha IS NULL))
    ORDER BY
        other.received_at >= push.received_at DESC,
        abs(extract(epoch FROM other.received_at - push.received_at)),
        other.id
    LIMIT 1
) AS successor ON true;

-- Where each ref is, by linkage: the commit that a push led to and none left. Where a ref came back
-- to where it was, every commit was left: then the one that was led to more often than left, and
-- where that ties too, a ref whose beginning we saw is where it began: gone. Only what is still
-- open after that is decided by time. A push that a forge sends twice counts once here.
-- `head_sha` is NULL for a ref that was deleted. `gaps` are commits that a push began at and none
-- led to, but for the one that the ref may have had before our first push; a tag's are not known,
-- since what an annotated tag was before is not a commit.
CREATE VIEW ref_head AS
WITH edge AS (
    SELECT
        repository,
        ref_name,
        kind,
        coalesce(before_sha, '') AS before_node,
        coalesce(after_sha, '') AS after_node,
        count(DISTINCT delivery_id) AS times,
        max(received_at) AS received_at
    FROM push
    GROUP BY repository, ref_name, kind, before_sha, after_sha
), node AS (
    SELECT
        repository,
        ref_name,
        kind,
        sha,
        sum(reached) AS reached,
        sum(departed) AS departed,
        max(reached_at) AS reached_at
    FROM (
        SELECT repository, ref_name, kind, after_node AS sha, times AS reached, 0 AS departed,
            received_at AS reached_at
        FROM edge
        UNION ALL
        SELECT repository, ref_name, kind, before_node, 0, times, NULL
        FROM edge
    ) AS ends
    GROUP BY repository, ref_name, kind, sha
), judged AS (
    SELECT
        *,
        count(*) FILTER (WHERE reached = 0 AND sha <> '') OVER ref AS beginnings,
        bool_or(sha = '' AND departed > 0) OVER ref AS begins_here
    FROM node
    WINDOW ref AS (PARTITION BY repository, ref_name)
)
SELECT DISTINCT ON (repository, ref_name)
    repository,
    ref_name,
    kind,
    nullif(sha, '') AS head_sha,
    reached_at AS received_at,
    CASE
        WHEN kind = 'tag' THEN 0
        WHEN begins_here THEN beginnings
        ELSE greatest(beginnings - 1, 0)
    END AS gaps
FROM judged
WHERE reached > 0
ORDER BY
    repository,
    ref_name,
    departed = 0 DESC,
    least(reached - departed, 1) DESC,
    sha = '' DESC,
    reached_at DESC,
    sha;

-- When an attempt was received: an earlier push of the same commit may be recorded after a later
-- one, and deadlines go by the earliest.
CREATE VIEW lab_attempt_received AS
SELECT
    attempt.id AS lab_attempt_id,
    least(attempt.received_at, earliest.received_at) AS received_at
FROM lab_attempt AS attempt
JOIN lab_session AS session ON session.id = attempt.lab_session_id
LEFT JOIN LATERAL (
    SELECT min(push.received_at) AS received_at
    FROM push
    WHERE push.repository = session.repository AND push.after_sha = attempt.commit_sha
) AS earliest ON true;

GRANT SELECT ON push_link, ref_head TO assay_reader, assay_attempt_writer, assay_snapshot_builder;
GRANT SELECT ON lab_attempt_received TO assay_reader;
