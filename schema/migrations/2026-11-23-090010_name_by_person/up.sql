-- Deliveries' ids are in no order: an index that begins with them is entered all over. One that begins
-- with whom a body names is entered where those are who push now (decision 0173).
ALTER TABLE privacy.named_in_body DROP CONSTRAINT named_in_body_pkey;
ALTER TABLE privacy.named_in_body ADD PRIMARY KEY (principal_id, delivery_id, body_digest);
CREATE INDEX named_in_body_delivery ON privacy.named_in_body (delivery_id);
DROP INDEX privacy.named_in_body_principal;
