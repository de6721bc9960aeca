-- Completeness (design §8): each run of an ingest process is a lane and numbers what it publishes.
-- What the writer took is held against what the lanes said.

-- A number that reached the ledger: taken by attempt-writer, repeats included, or dead. One row a
-- message, in the transaction of its effect; the digest of no other row depends on it, and the entry
-- of a delivery names its lane and number as well.
CREATE TABLE lane_message (
    lane_id uuid NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    how text NOT NULL CHECK (how IN ('taken', 'dead')),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (lane_id, number, how)
);
SELECT make_append_only('lane_message');

-- What a lane said: every number beyond `from_number` up to `through_number` is settled.
CREATE TABLE lane_manifest (
    id uuid PRIMARY KEY,
    lane_id uuid NOT NULL,
    from_number bigint NOT NULL CHECK (from_number >= 0),
    through_number bigint NOT NULL CHECK (through_number >= from_number),
    given_number bigint NOT NULL CHECK (given_number >= through_number),
    -- Ranges: [{"first": 3, "last": 4}].
    void jsonb NOT NULL,
    spooled jsonb NOT NULL,
    sources jsonb NOT NULL,
    -- The ids of the deliveries whose numbers are not void, 16 bytes each, in the numbers' order: a
    -- delivery that is missing can be named.
    deliveries bytea NOT NULL CHECK (octet_length(deliveries) % 16 = 0),
    -- Places of the stream between which they were put. No identities: where to look first.
    sequence_first bigint,
    sequence_last bigint,
    closing boolean NOT NULL,
    said_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CHECK ((sequence_first IS NULL) = (sequence_last IS NULL))
);
CREATE INDEX lane_manifest_lane ON lane_manifest (lane_id, through_number);
SELECT make_append_only('lane_manifest');

-- A number that was promised and is not in the ledger, and what became of it.
CREATE TABLE lane_hole (
    id uuid PRIMARY KEY,
    lane_id uuid NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    delivery_id uuid NOT NULL,
    -- `missing`: raised as an alarm. `handed-again`: its message was found in the stream, where no
    -- consumer would ever have got it, and published anew. `found`: it reached the ledger after all.
    what text NOT NULL CHECK (what IN ('missing', 'handed-again', 'found')),
    sequence bigint,
    recorded_at timestamptz NOT NULL,
    UNIQUE (lane_id, number, what)
);
CREATE INDEX lane_hole_delivery ON lane_hole (delivery_id);
SELECT make_append_only('lane_hole');

-- Where each lane stands: no part of the ledger, since it can be made again from the above.
CREATE TABLE work.lane (
    lane_id uuid PRIMARY KEY,
    -- What its last sign of life said.
    given_number bigint NOT NULL CHECK (given_number >= 0),
    through_number bigint NOT NULL CHECK (through_number >= 0),
    spool_records bigint NOT NULL CHECK (spool_records >= 0),
    closed boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    heard_at timestamptz NOT NULL,
    -- Every number up to here is in the ledger, void, or a hole that is named.
    judged_number bigint NOT NULL DEFAULT 0 CHECK (judged_number >= 0)
);
CREATE INDEX lane_heard ON work.lane (heard_at);

GRANT INSERT, SELECT ON lane_message TO assay_attempt_writer;
GRANT INSERT, SELECT ON lane_manifest, lane_hole TO assay_auditor;
GRANT USAGE ON SCHEMA work TO assay_auditor;
GRANT INSERT, SELECT, UPDATE ON work.lane TO assay_auditor;
GRANT SELECT ON work.lane TO assay_reader;
