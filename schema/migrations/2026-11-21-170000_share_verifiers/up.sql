-- How verifiers share the work. These rows are no part of the ledger: they say who is at it now, and
-- whose turn it is, and go with the work. What must never be lost is in the queue; without these
-- rows a request is run twice at worst, and recorded once all the same.
CREATE SCHEMA work;
REVOKE ALL ON SCHEMA work FROM PUBLIC;
GRANT USAGE ON SCHEMA work TO assay_verifier, assay_reader;

-- Who runs a request's try now. The same request may lie in both lanes: only one is run.
CREATE TABLE work.lease (
    request_id uuid NOT NULL REFERENCES verification_request (id),
    try_number integer NOT NULL CHECK (try_number > 0),
    token bigint NOT NULL,
    worker text NOT NULL,
    -- Empty when it was given up by its worker's own will.
    held_until timestamptz,
    -- How many workers were lost while they held it.
    lost integer NOT NULL DEFAULT 0,
    PRIMARY KEY (request_id, try_number)
);

-- The turns of a session in the live lane: one request has the turn, the others wait with their
-- messages, in the order of their places. They lie in the bulk lane as well, so that a turn which
-- is never taken holds up nobody for ever.
CREATE TABLE work.turn (
    request_id uuid PRIMARY KEY REFERENCES verification_request (id),
    lab_session_id uuid NOT NULL REFERENCES lab_session (id),
    place bigint GENERATED ALWAYS AS IDENTITY,
    message jsonb,
    held_until timestamptz
);
CREATE INDEX turn_session ON work.turn (lab_session_id, place);

GRANT INSERT, SELECT, UPDATE, DELETE ON work.lease, work.turn TO assay_verifier;
GRANT SELECT ON work.lease, work.turn TO assay_reader;

-- A result that came too late: its worker had lost its lease, so that another one's counts.
CREATE TABLE verification_refused (
    request_id uuid NOT NULL REFERENCES verification_request (id),
    try_number integer NOT NULL CHECK (try_number > 0),
    token bigint NOT NULL CHECK (token > 0),
    worker text NOT NULL,
    result text NOT NULL,
    cause text,
    reason text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (request_id, try_number, token)
);
SELECT make_append_only('verification_refused');

-- What made a result, beside the digests and limits in its own row (promise P4).
CREATE TABLE verification_origin (
    verification_attempt_id uuid PRIMARY KEY REFERENCES verification_attempt (id),
    lane text NOT NULL CHECK (lane IN ('live', 'bulk')),
    -- What bounds and closes the boxes, and the digest of that.
    box_of jsonb NOT NULL,
    box_digest text NOT NULL,
    -- The tools that the lab names, each with its digest.
    tools jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);
SELECT make_append_only('verification_origin');

GRANT INSERT, SELECT ON verification_refused, verification_origin TO assay_verifier;
-- A verification that is run again is an order like others, with an outcome.
GRANT INSERT, SELECT ON command TO assay_verifier;
-- Whether a newer push has taken a request's place is judged by the links of the pushes.
GRANT SELECT ON ref_head TO assay_verifier;
