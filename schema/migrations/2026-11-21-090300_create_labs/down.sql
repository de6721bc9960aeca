DROP TABLE lab_version;
DROP TABLE lab;
