DROP TABLE lab_session;
DROP TABLE principal;
