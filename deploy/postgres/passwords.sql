-- Gives each role of the database the password in the file of its name. By psql, as the
-- owner, after `assay migrate`: psql -v folder=<folder> -f passwords.sql
-- A file that is missing or empty ends it: its length is what is divided by.
-- Written by `ASSAY_WRITE_DEPLOY=1 cargo test -p deploy`.
\set ON_ERROR_STOP on
\set file :folder '/assay_attempt_writer'
\set password `cat :'file'`
SELECT 1 / length(:'password') AS given \gset
ALTER ROLE assay_attempt_writer PASSWORD :'password';
\set file :folder '/assay_snapshot_builder'
\set password `cat :'file'`
SELECT 1 / length(:'password') AS given \gset
ALTER ROLE assay_snapshot_builder PASSWORD :'password';
\set file :folder '/assay_verifier'
\set password `cat :'file'`
SELECT 1 / length(:'password') AS given \gset
ALTER ROLE assay_verifier PASSWORD :'password';
\set file :folder '/assay_reconciler'
\set password `cat :'file'`
SELECT 1 / length(:'password') AS given \gset
ALTER ROLE assay_reconciler PASSWORD :'password';
\set file :folder '/assay_auditor'
\set password `cat :'file'`
SELECT 1 / length(:'password') AS given \gset
ALTER ROLE assay_auditor PASSWORD :'password';
\set file :folder '/assay_status_reporter'
\set password `cat :'file'`
SELECT 1 / length(:'password') AS given \gset
ALTER ROLE assay_status_reporter PASSWORD :'password';
\set file :folder '/assay_privacy'
\set password `cat :'file'`
SELECT 1 / length(:'password') AS given \gset
ALTER ROLE assay_privacy PASSWORD :'password';
\set file :folder '/assay_reader'
\set password `cat :'file'`
SELECT 1 / length(:'password') AS given \gset
ALTER ROLE assay_reader PASSWORD :'password';
