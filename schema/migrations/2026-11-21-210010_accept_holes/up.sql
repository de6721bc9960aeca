-- A hole that nothing can fill may be accepted by an operator: the alarm ends, the hole stays. Whatever
-- is accepted is never complete.
CREATE TABLE lane_hole_accepted (
    lane_id uuid NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    delivery_id uuid NOT NULL,
    command_id uuid NOT NULL REFERENCES command (id),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (lane_id, number)
);
CREATE INDEX lane_hole_accepted_command ON lane_hole_accepted (command_id);
SELECT make_append_only('lane_hole_accepted');

-- The orders go to the writer, which carries out the others about what is kept.
GRANT INSERT, SELECT ON lane_hole_accepted TO assay_attempt_writer;
GRANT SELECT ON lane_hole TO assay_attempt_writer;
GRANT SELECT ON lane_hole_accepted TO assay_auditor;
