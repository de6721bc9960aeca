CREATE OR REPLACE VIEW lab_attempt_received AS
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
DROP INDEX push_ref_newest;
REVOKE SELECT ON delivery_receipt, push, ref_head, lab_session FROM assay_reconciler;
DROP TABLE reconciliation_gap;
DROP TABLE reconciliation;
REVOKE INSERT, SELECT ON command, audit_entry, ledger_pending FROM assay_reconciler;
REVOKE SELECT ON schema_version FROM assay_reconciler;
REVOKE USAGE ON SCHEMA public FROM assay_reconciler;
-- The role stays where another database of the cluster still grants it something.
DO $$
BEGIN
    DROP ROLE IF EXISTS assay_reconciler;
EXCEPTION WHEN dependent_objects_still_exist THEN
    NULL;
END $$;
