DROP TRIGGER body_names_nobody ON privacy.delivery_body;
DROP TRIGGER named_has_its_body ON privacy.named_in_body;
DROP FUNCTION named_has_its_body(), body_names_nobody();
ALTER TABLE privacy.named_in_body
    ADD FOREIGN KEY (delivery_id, body_digest)
    REFERENCES privacy.delivery_body (delivery_id, body_digest);
