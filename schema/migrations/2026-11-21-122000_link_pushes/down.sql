DROP VIEW lab_attempt_received;
DROP VIEW ref_head;
DROP VIEW push_link;
DROP INDEX push_repository_after;
DROP INDEX push_ref_before;
DROP INDEX push_ref_after;
