-- One role a service (promise P3): a stolen credential of one cannot write another's tables.
-- Roles belong to the whole cluster, so another database of it may have made them already; two
-- databases that migrate at the same moment may also both try.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['assay_attempt_writer', 'assay_snapshot_builder',
                                'assay_verifier', 'assay_auditor', 'assay_reader']
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO assay_attempt_writer, assay_snapshot_builder,
    assay_verifier, assay_auditor, assay_reader;

-- The ledger only grows. Grants keep the services from changing it; this keeps the owner's
-- ordinary statements from it too. What gets past a trigger is found by the signed log.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the ledger only grows', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
              HINT = 'Corrections are new rows.';
END $$;

-- Makes a table append-only, and readable by the reader.
-- ALWAYS: the triggers fire under session_replication_role = replica as well.
CREATE FUNCTION make_append_only(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER refuse_row_change BEFORE UPDATE OR DELETE ON %s '
                   'FOR EACH ROW EXECUTE FUNCTION refuse_change()', target);
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_row_change', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_truncate', target);
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', target);
    EXECUTE format('GRANT SELECT ON %s TO assay_reader, assay_auditor', target);
END $$;

-- What a service reads to see whether the schema is the one it was built with.
CREATE VIEW schema_version AS SELECT version, run_on FROM __diesel_schema_migrations;
GRANT SELECT ON schema_version TO assay_attempt_writer, assay_snapshot_builder,
    assay_verifier, assay_auditor, assay_reader;
