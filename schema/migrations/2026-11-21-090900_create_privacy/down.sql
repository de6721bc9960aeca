DROP TABLE privacy.delivery_body;
DROP TABLE privacy.person;
DROP SCHEMA privacy;
