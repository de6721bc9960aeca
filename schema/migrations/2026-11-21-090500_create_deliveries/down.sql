DROP TABLE delivery_conflict;
DROP TABLE push;
DROP TABLE delivery;
DROP TABLE delivery_receipt;
