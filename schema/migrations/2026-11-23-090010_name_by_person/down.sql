CREATE INDEX named_in_body_principal ON privacy.named_in_body (principal_id);
DROP INDEX privacy.named_in_body_delivery;
ALTER TABLE privacy.named_in_body DROP CONSTRAINT named_in_body_pkey;
ALTER TABLE privacy.named_in_body ADD PRIMARY KEY (delivery_id, body_digest, principal_id);
