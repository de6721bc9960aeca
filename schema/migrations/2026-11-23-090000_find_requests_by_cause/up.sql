-- What a push or an order had verified is looked for by it alone (decision 0172).
CREATE INDEX verification_request_cause ON verification_request (cause);
