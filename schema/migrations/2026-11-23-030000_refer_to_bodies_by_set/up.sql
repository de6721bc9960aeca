-- The last foreign key of what a push brings, looked up and locked row by row: half of what it took to say
-- whom a body names. A body of the transaction's own cannot go meanwhile, and needs no lock (decision
-- 0170).
ALTER TABLE privacy.named_in_body DROP CONSTRAINT named_in_body_delivery_id_body_digest_fkey;

-- As with a foreign key, whoever inserts needs no right to read bodies, and one that was there before is
-- kept from going. Each is asked by itself: a plan that joins would read the whole table.
CREATE FUNCTION named_has_its_body() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    named record;
BEGIN
    FOR named IN
        SELECT DISTINCT child.delivery_id, child.body_digest
        FROM inserted AS child
        WHERE (
            SELECT true FROM privacy.delivery_body AS body
            WHERE body.body_digest = child.body_digest AND body.delivery_id = child.delivery_id
                AND body.xmin = pg_current_xact_id()::xid
        ) IS NULL
        ORDER BY child.delivery_id, child.body_digest
    LOOP
        PERFORM FROM privacy.delivery_body AS body
        WHERE body.body_digest = named.body_digest AND body.delivery_id = named.delivery_id
        FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a row of % refers to what is not there: %, %',
                TG_TABLE_NAME, named.delivery_id, named.body_digest
                USING ERRCODE = 'foreign_key_violation',
                    SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION body_names_nobody() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    named uuid;
BEGIN
    SELECT body.delivery_id INTO named
    FROM deleted AS body
    WHERE (
        SELECT true FROM privacy.named_in_body AS child
        WHERE child.delivery_id = body.delivery_id AND child.body_digest = body.body_digest
        LIMIT 1
    ) IS NOT NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a row of % is still referred to: %', TG_TABLE_NAME, named
            USING ERRCODE = 'foreign_key_violation',
                SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION named_has_its_body(), body_names_nobody() FROM PUBLIC;
CREATE TRIGGER named_has_its_body AFTER INSERT ON privacy.named_in_body
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION named_has_its_body();
CREATE TRIGGER body_names_nobody AFTER DELETE ON privacy.delivery_body
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT EXECUTE FUNCTION body_names_nobody();
