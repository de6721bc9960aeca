-- What account.jsonl asks for, once: a delivery, a conflict with it, two pushes, two attempts, two
-- requests, three tries, a dead letter, and the log of it.
INSERT INTO audit_entry VALUES
  ('00000000-0000-8000-8000-0000000000e1', 'delivery-recorded',
   '{"assay.delivery.id":"00000000-0000-8000-8000-000000000001"}', 'e1', 't1', now());
INSERT INTO ledger_leaf VALUES (0, '00000000-0000-8000-8000-0000000000e1', decode(repeat('00', 32), 'hex'), now());
INSERT INTO command VALUES
  ('00000000-0000-8000-8000-0000000000c1', 'lab-publish', 'operator', '{}', 'accepted', NULL, NULL, now());
INSERT INTO lab VALUES ('00000000-0000-8000-8000-0000000000a1', 'calculator', now());
INSERT INTO lab_version VALUES
  ('00000000-0000-8000-8000-0000000000a2', '00000000-0000-8000-8000-0000000000a1', 1, 'd', 'T', '{}',
   'c', 'l', 1, 1, '00000000-0000-8000-8000-0000000000c1', now());
INSERT INTO lab_session VALUES
  ('00000000-0000-8000-8000-0000000000b1', '00000000-0000-8000-8000-0000000000a1',
   '00000000-0000-8000-8000-0000000000a2', 'github:o/r', 1, 'c0', NULL, 'enrolment', now());
INSERT INTO delivery_receipt VALUES
  ('00000000-0000-8000-8000-000000000001', 'github', 'one', 'aa',
   '00000000-0000-8000-8000-0000000000f1', 1, now());
INSERT INTO delivery VALUES
  ('00000000-0000-8000-8000-000000000001', 'github', 'push', 'aa', 2, 'first', 't1',
   '00000000-0000-8000-8000-0000000000f1', 1, now(), now());
INSERT INTO delivery_conflict VALUES
  ('00000000-0000-8000-8000-0000000000d1', '00000000-0000-8000-8000-000000000001', 'bb', 'aa', now(), now());
INSERT INTO push (id, delivery_id, body_digest, repository, ref_name, kind, before_sha, after_sha,
                  forced, commits_listed, received_at, recorded_at)
SELECT id::uuid, '00000000-0000-8000-8000-000000000001', digest, 'github:o/r', 'refs/heads/main',
       'branch', 'c0', after, false, 1, now(), now()
FROM (VALUES ('00000000-0000-8000-8000-000000000011', 'aa', 'c1'),
             ('00000000-0000-8000-8000-000000000012', 'bb', 'c2')) AS t (id, digest, after);
INSERT INTO lab_attempt (id, lab_session_id, push_id, delivery_id, commit_sha, branch, received_at,
                         listed, trace_id, recorded_at)
SELECT id::uuid, '00000000-0000-8000-8000-0000000000b1', push::uuid,
       '00000000-0000-8000-8000-000000000001', after, 'main', now(), 'payload', 't1', now()
FROM (VALUES ('00000000-0000-8000-8000-000000000021', '00000000-0000-8000-8000-000000000011', 'c1'),
             ('00000000-0000-8000-8000-000000000022', '00000000-0000-8000-8000-000000000012', 'c2'))
     AS t (id, push, after);
INSERT INTO verification_request (id, cause, lab_attempt_id, lab_version_id, lane, trace_id, recorded_at)
SELECT id::uuid, cause, attempt::uuid, '00000000-0000-8000-8000-0000000000a2', 'live', 't1', now()
FROM (VALUES ('00000000-0000-8000-8000-000000000031', 'push:1', '00000000-0000-8000-8000-000000000021'),
             ('00000000-0000-8000-8000-000000000032', 'push:2', '00000000-0000-8000-8000-000000000022'))
     AS t (id, cause, attempt);
INSERT INTO verification_attempt (id, request_id, try_number, token, result, cause, points, points_max,
    steps, limits, peaks, snapshot_digest, lab_version_digest, runner, worker, retry_at,
    started_at, finished_at, recorded_at)
SELECT gen_random_uuid(), request::uuid, number, 1, result, cause, 0, 10, '[]', '{}', '{}', 'd', 'd',
       'r', 'w', CASE WHEN cause IS NOT NULL THEN now() END, now(), now(), now()
FROM (VALUES ('00000000-0000-8000-8000-000000000031', 1, 'error', 'sandbox-unavailable'),
             ('00000000-0000-8000-8000-000000000031', 2, 'pass', NULL),
             ('00000000-0000-8000-8000-000000000032', 1, 'fail', NULL)) AS t (request, number, result, cause);
INSERT INTO dead_letter
  (id, letter_id, message_id, stream, consumer, subject, action, actor, reason, recorded_at)
VALUES ('00000000-0000-8000-8000-0000000000d9', '00000000-0000-8000-8000-0000000000d9', 'poison', 'DELIVERIES', 'attempt-writer', 's', 'dead-lettered', 'a', 'no JSON', now());
