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
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser
