-- A delivery id ever seen (promise P2): the unique key that decides, in the effect's own
-- transaction, what is new. Never partitioned, never aged out.
CREATE TABLE delivery_receipt (
    delivery_id uuid PRIMARY KEY,
    source text NOT NULL,
    forge_delivery text NOT NULL,
    body_digest text NOT NULL,
    lane_id uuid NOT NULL,
    lane_number bigint NOT NULL CHECK (lane_number > 0),
    recorded_at timestamptz NOT NULL,
    UNIQUE (source, forge_delivery)
);
SELECT make_append_only('delivery_receipt');

CREATE TABLE delivery (
    id uuid PRIMARY KEY REFERENCES delivery_receipt (delivery_id),
    source text NOT NULL,
    event text NOT NULL,
    body_digest text NOT NULL,
    body_bytes bigint NOT NULL CHECK (body_bytes >= 0),
    key text NOT NULL,
    trace_id text NOT NULL,
    lane_id uuid NOT NULL,
    lane_number bigint NOT NULL CHECK (lane_number > 0),
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX delivery_received ON delivery (received_at);
SELECT make_append_only('delivery');

-- What a delivery's body says of one ref. `before_sha` and `after_sha` are NULL where the forge says
-- all zeros: the ref was created, or deleted.
CREATE TABLE push (
    id uuid PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES delivery (id),
    body_digest text NOT NULL,
    repository text NOT NULL,
    ref_name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('branch', 'tag', 'other')),
    before_sha text,
    after_sha text,
    forced boolean NOT NULL,
    commits_listed integer NOT NULL CHECK (commits_listed >= 0),
    pusher_id uuid REFERENCES principal (id),
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (delivery_id, body_digest, ref_name)
);
CREATE INDEX push_repository_ref ON push (repository, ref_name);
CREATE INDEX push_pusher ON push (pusher_id);
SELECT make_append_only('push');

-- The same delivery id came with another body. A forge's id is not signed, so this is recorded
-- and looked at by a person; the push in it is still processed.
CREATE TABLE delivery_conflict (
    id uuid PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES delivery_receipt (delivery_id),
    body_digest text NOT NULL,
    first_body_digest text NOT NULL,
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (delivery_id, body_digest)
);
SELECT make_append_only('delivery_conflict');

GRANT INSERT, SELECT ON delivery_receipt, delivery, push, delivery_conflict
    TO assay_attempt_writer;
GRANT SELECT ON delivery, push TO assay_snapshot_builder, assay_verifier;
