WITH attempt AS MATERIALIZED (
    SELECT attempt.*
    FROM push JOIN lab_attempt AS attempt ON attempt.push_id = push.id
    WHERE push.pusher_id = ANY($1)
    UNION
    SELECT * FROM lab_attempt WHERE author_id = ANY($1)
), tried AS MATERIALIZED (
    SELECT tried.*
    FROM attempt
    JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
    JOIN verification_attempt AS tried ON tried.request_id = request.id
), kept AS MATERIALIZED (
    SELECT DISTINCT snapshot.*
    FROM attempt
    JOIN attempt_snapshot AS kept ON kept.lab_attempt_id = attempt.id
    JOIN snapshot ON snapshot.id = kept.snapshot_id
)
SELECT 'pushes' AS kind, to_jsonb(push) AS told FROM push WHERE pusher_id = ANY($1)
UNION ALL
SELECT 'sessions', to_jsonb(session) || jsonb_build_object('lab', lab.slug)
FROM lab_session AS session
JOIN lab ON lab.id = session.lab_id
WHERE session.id IN (SELECT lab_session_id FROM attempt)
UNION ALL
SELECT 'attempts', to_jsonb(attempt) || jsonb_build_object('erased', EXISTS (
    SELECT FROM attempt_erased AS erased WHERE erased.lab_attempt_id = attempt.id
))
FROM attempt
UNION ALL
SELECT 'verifications', to_jsonb(tried) FROM tried
UNION ALL
SELECT 'snapshots', to_jsonb(kept) FROM kept
UNION ALL
SELECT 'holds', to_jsonb(legal_hold) FROM legal_hold WHERE principal_id = ANY($1)
UNION ALL
SELECT 'erasures', to_jsonb(erasure) FROM erasure WHERE principal_id = ANY($1)
UNION ALL
SELECT 'removals', to_jsonb(removal)
FROM removal
WHERE subject_id IN (SELECT id FROM tried UNION SELECT id FROM kept)
