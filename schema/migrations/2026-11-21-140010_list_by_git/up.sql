-- A push whose payload does not list all of its commits: git must say which there are.
CREATE TABLE listing_due (
    id uuid PRIMARY KEY,
    push_id uuid NOT NULL REFERENCES push (id),
    lab_session_id uuid NOT NULL REFERENCES lab_session (id),
    recorded_at timestamptz NOT NULL,
    UNIQUE (push_id, lab_session_id)
);
CREATE INDEX listing_due_session ON listing_due (lab_session_id);
SELECT make_append_only('listing_due');

-- What git said came in so many parts, and this one is recorded. The list is complete once all are;
-- until then a broker that lost its data may have lost the others.
CREATE TABLE listing_part (
    push_id uuid NOT NULL REFERENCES push (id),
    lab_session_id uuid NOT NULL REFERENCES lab_session (id),
    parts integer NOT NULL CHECK (parts > 0),
    part integer NOT NULL CHECK (part >= 0 AND part < parts),
    commits integer NOT NULL CHECK (commits >= 0),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (push_id, lab_session_id, parts, part)
);
CREATE INDEX listing_part_session ON listing_part (lab_session_id);
SELECT make_append_only('listing_part');
GRANT INSERT, SELECT ON listing_due, listing_part TO assay_attempt_writer;
