-- Every lookup by a repository and a ref begins with the same columns in push_ref_newest.
DROP INDEX push_repository_ref;
-- What is sealed does not compress: it is laid beside the row as it is, and not tried first.
ALTER TABLE privacy.delivery_body ALTER COLUMN sealed_body SET STORAGE EXTERNAL;
