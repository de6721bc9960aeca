-- What the database's server is, for whoever asks whether it will do.
SELECT current_setting('server_version_num')::bigint / 10000 AS major,
       current_setting('server_version') AS version,
       clock_timestamp() AS clock,
       current_setting('fsync') = 'on'
           AND current_setting('full_page_writes') = 'on'
           AND current_setting('synchronous_commit') <> 'off' AS durable,
       current_setting('max_connections')::bigint AS connections_max,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       pg_is_in_recovery() AS standby,
       -- More than any role of a service or a reader has: everything, roles of its own making, the
       -- owner's rights, or rows of the ledger that it may change.
       (SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
            OR pg_has_role(current_user, datdba, 'MEMBER')
            OR coalesce(has_table_privilege(to_regclass('audit_entry'),
                                            'UPDATE, DELETE, TRUNCATE'), false)
        FROM pg_roles, pg_database
        WHERE rolname = current_user AND datname = current_database()) AS privileged
