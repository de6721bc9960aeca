ALTER TABLE audit_entry RESET (toast_tuple_target);
ALTER TABLE privacy.delivery_body RESET (toast_tuple_target);

CREATE INDEX named_in_body_body ON privacy.named_in_body (delivery_id, body_digest);
DROP INDEX privacy.named_in_body_principal;
ALTER TABLE privacy.named_in_body DROP CONSTRAINT named_in_body_pkey;
ALTER TABLE privacy.named_in_body ADD PRIMARY KEY (principal_id, delivery_id, body_digest);
CREATE INDEX verification_request_version ON verification_request (lab_version_id);
CREATE INDEX lab_attempt_delivery ON lab_attempt (delivery_id);
DROP INDEX push_after;
CREATE INDEX push_repository_after ON push (repository, after_sha);
CREATE INDEX push_ref_after ON push (repository, ref_name, after_sha);

DROP TRIGGER refer_by_set ON delivery;
DROP TRIGGER refer_by_set ON push;
DROP TRIGGER refer_by_set ON lab_attempt;
DROP TRIGGER refer_by_set ON verification_request;
DROP TRIGGER refer_by_set ON verification_claim;
DROP TRIGGER refer_by_set ON verification_attempt;
DROP TRIGGER refer_by_set ON privacy.delivery_body;
DROP TRIGGER refer_by_set ON privacy.named_in_body;
DROP FUNCTION refer_delivery(), refer_push(), refer_lab_attempt(), refer_verification_request(),
    refer_verification_claim(), refer_verification_attempt(), refer_delivery_body(),
    refer_named_in_body(), refer_by_set(regclass);

ALTER TABLE delivery ADD FOREIGN KEY (id) REFERENCES delivery_receipt (delivery_id);
ALTER TABLE push ADD FOREIGN KEY (delivery_id) REFERENCES delivery (id);
ALTER TABLE push ADD FOREIGN KEY (pusher_id) REFERENCES principal (id);
ALTER TABLE lab_attempt ADD FOREIGN KEY (lab_session_id) REFERENCES lab_session (id);
ALTER TABLE lab_attempt ADD FOREIGN KEY (push_id) REFERENCES push (id);
ALTER TABLE lab_attempt ADD FOREIGN KEY (delivery_id) REFERENCES delivery (id);
ALTER TABLE lab_attempt ADD FOREIGN KEY (author_id) REFERENCES principal (id);
ALTER TABLE verification_request ADD FOREIGN KEY (lab_attempt_id) REFERENCES lab_attempt (id);
ALTER TABLE verification_request ADD FOREIGN KEY (lab_version_id) REFERENCES lab_version (id);
ALTER TABLE verification_claim ADD FOREIGN KEY (request_id) REFERENCES verification_request (id);
ALTER TABLE verification_attempt ADD FOREIGN KEY (request_id) REFERENCES verification_request (id);
ALTER TABLE privacy.delivery_body
    ADD FOREIGN KEY (delivery_id) REFERENCES delivery_receipt (delivery_id);
ALTER TABLE privacy.named_in_body ADD FOREIGN KEY (principal_id) REFERENCES principal (id);
