DROP VIEW restore_unfinished;
DROP TABLE restore_step;
DROP TABLE restore;
