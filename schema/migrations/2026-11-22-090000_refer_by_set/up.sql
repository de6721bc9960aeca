-- A foreign key looks up what each row refers to and locks it, a write to that row: two fifths of
-- Postgres' time for the rows of a push. What only grows cannot go while somebody refers to it, so no
-- lock is needed, and one statement can look for all rows that came together (decision 0160).

-- Has the references of a table to tables that only grow checked by set, for all rows of an insert at
-- once, in the place of its foreign keys. As with those, whoever inserts needs no right to read what is
-- referred to, and a copy of whole tables with triggers switched off is not checked. Without seqscan: a
-- plan is kept, also where it was made while the tables were empty.
CREATE FUNCTION refer_by_set(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    reference record;
    referring text[] := '{}';
    lacking text[] := '{}';
    checker text := format('%I', 'refer_' || (SELECT relname FROM pg_class WHERE oid = target));
BEGIN
    FOR reference IN
        SELECT conname, nspname, relname, child.attname AS child, named.attname AS named
        FROM pg_constraint
        JOIN pg_class ON pg_class.oid = confrelid
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        JOIN pg_attribute AS child ON child.attrelid = conrelid AND child.attnum = conkey[1]
        JOIN pg_attribute AS named ON named.attrelid = confrelid AND named.attnum = confkey[1]
        WHERE conrelid = target AND contype = 'f' AND cardinality(conkey) = 1 AND EXISTS (
            SELECT FROM pg_trigger WHERE tgrelid = confrelid AND tgname = 'refuse_row_change'
        )
        ORDER BY conname
    LOOP
        referring := referring || format('child.%I', reference.child);
        lacking := lacking || format(
            '(child.%1$I IS NOT NULL AND '
            '(SELECT true FROM %2$I.%3$I AS parent WHERE parent.%4$I = child.%1$I) IS NULL)',
            reference.child, reference.nspname, reference.relname, reference.named
        );
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, reference.conname);
    END LOOP;
    EXECUTE format(
        'CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER '
        'SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS %L',
        checker,
        format(
            'DECLARE lacking text; '
            'BEGIN '
            'SELECT concat_ws('', '', %s) INTO lacking FROM inserted AS child WHERE %s LIMIT 1; '
            'IF FOUND THEN RAISE EXCEPTION ''a row of %% refers to what is not there: %%'', '
            'TG_TABLE_NAME, lacking USING ERRCODE = ''foreign_key_violation'', '
            'SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME; END IF; '
            'RETURN NULL; END',
            array_to_string(referring, ', '), array_to_string(lacking, ' OR ')
        )
    );
    EXECUTE format('REVOKE ALL ON FUNCTION %s() FROM PUBLIC', checker);
    EXECUTE format(
        'CREATE TRIGGER refer_by_set AFTER INSERT ON %s REFERENCING NEW TABLE AS inserted '
        'FOR EACH STATEMENT EXECUTE FUNCTION %s()',
        target, checker
    );
END $$;

SELECT refer_by_set(target) FROM unnest(ARRAY[
    'delivery', 'push', 'lab_attempt', 'verification_request', 'verification_claim',
    'verification_attempt', 'privacy.delivery_body', 'privacy.named_in_body'
]::regclass[]) AS target;

-- Indexes that no query needs, or that others hold with their columns in another order.
DROP INDEX push_ref_after;
DROP INDEX push_repository_after;
CREATE INDEX push_after ON push (repository, after_sha, ref_name);
-- An attempt's delivery is its push's, and a push's delivery has an index.
DROP INDEX lab_attempt_delivery;
DROP INDEX verification_request_version;
-- A body's digest has 71 bytes: it need not be in two indexes.
ALTER TABLE privacy.named_in_body DROP CONSTRAINT named_in_body_pkey;
ALTER TABLE privacy.named_in_body ADD PRIMARY KEY (delivery_id, body_digest, principal_id);
CREATE INDEX named_in_body_principal ON privacy.named_in_body (principal_id);
DROP INDEX privacy.named_in_body_body;

-- A row of up to so many bytes stays whole. Beyond 2 KB a body would lie in a second table with an index
-- of its own, and an entry would be compressed, which saved a quarter of it.
ALTER TABLE privacy.delivery_body SET (toast_tuple_target = 8160);
ALTER TABLE audit_entry SET (toast_tuple_target = 4080);
