DROP INDEX verification_request_recorded;
DROP TABLE work.status_trouble;
DROP TABLE work.status_due;
DROP TABLE status_report;
REVOKE SELECT ON lab_attempt, lab_attempt_received, lab_session, lab, verification_request,
    verification_attempt FROM assay_status_reporter;
REVOKE INSERT, SELECT ON audit_entry, ledger_pending FROM assay_status_reporter;
REVOKE SELECT ON schema_version FROM assay_status_reporter;
REVOKE USAGE ON SCHEMA public, work FROM assay_status_reporter;
-- The role stays where another database of the cluster still grants it something.
DO $$
BEGIN
    DROP ROLE IF EXISTS assay_status_reporter;
EXCEPTION WHEN dependent_objects_still_exist THEN
    NULL;
END $$;
