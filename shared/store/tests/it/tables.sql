-- Writes schema/src/tables.rs from the live catalogue: one `diesel::table!` a table, by name.
WITH columns AS (
    SELECT c.oid, n.nspname, c.relname, a.attname, a.attnum,
        CASE t.typname
            WHEN 'uuid' THEN 'Uuid' WHEN 'text' THEN 'Text' WHEN 'int4' THEN 'Int4'
            WHEN 'int8' THEN 'Int8' WHEN 'bool' THEN 'Bool' WHEN 'bytea' THEN 'Bytea'
            WHEN 'jsonb' THEN 'Jsonb' WHEN 'timestamptz' THEN 'Timestamptz'
        END AS sql_type,
        a.attnotnull
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relkind = 'r' AND n.nspname IN ('public', 'privacy')
        AND c.relname NOT LIKE '\_\_diesel%'
), bodies AS (
    SELECT oid, nspname, relname,
        string_agg(
            '        ' || attname
            || ' -> ' || CASE WHEN attnotnull THEN sql_type ELSE 'Nullable<' || sql_type || '>' END
            || ',', E'\n' ORDER BY attnum) AS body
    FROM columns GROUP BY oid, nspname, relname
), keys AS (
    SELECT i.indrelid AS oid, string_agg(a.attname, ', ' ORDER BY k.place) AS names
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indisprimary GROUP BY i.indrelid
)
SELECT '// Generated from a migrated database; `store`''s tests hold it against one.' || E'\n\n'
    || string_agg(
        'diesel::table! {' || E'\n'
        || '    ' || CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END
        || relname || ' (' || names || ') {' || E'\n' || body || E'\n    }\n}',
        E'\n\n' ORDER BY nspname DESC, relname) || E'\n' AS tables
FROM bodies JOIN keys USING (oid);
