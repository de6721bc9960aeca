DROP VIEW schema_version;
DROP FUNCTION make_append_only(regclass);
DROP FUNCTION refuse_change();
REVOKE ALL ON SCHEMA public FROM assay_attempt_writer, assay_snapshot_builder,
    assay_verifier, assay_auditor, assay_reader;
GRANT USAGE ON SCHEMA public TO PUBLIC;
-- The roles stay where another database of the cluster still grants them something.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['assay_attempt_writer', 'assay_snapshot_builder',
                                'assay_verifier', 'assay_auditor', 'assay_reader']
    LOOP
        BEGIN
            EXECUTE format('DROP ROLE IF EXISTS %I', name);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            NULL;
        END;
    END LOOP;
END $$;
