DROP INDEX command_reprocess;
