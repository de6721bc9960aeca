-- Until now nobody wrote `dead_letter`, so that columns without a default suit what is there.
-- A death is one row; sending the message back, or discarding it, is another that names the first.
ALTER TABLE dead_letter
    ADD COLUMN letter_id uuid NOT NULL REFERENCES dead_letter (id),
    -- The delivery that the message is about, where it says so: every delivery that was answered
    -- 2xx is in delivery_receipt or here. No foreign key: it may never have been recorded.
    ADD COLUMN delivery_id uuid,
    -- Where the bytes are in the stream of dead letters: a place, never an identity.
    ADD COLUMN dead_sequence bigint,
    ADD COLUMN deliveries bigint,
    ADD COLUMN renewals bigint,
    ADD COLUMN last_failure text,
    -- When the message was first stored, and when it died.
    ADD COLUMN first_stored_at timestamptz,
    ADD COLUMN died_at timestamptz,
    -- The command that closed it.
    ADD COLUMN command_id uuid REFERENCES command (id),
    ADD CHECK ((action = 'dead-lettered') = (letter_id = id)),
    ADD CHECK ((action = 'dead-lettered') = (command_id IS NULL));

-- A message dies once under its letter, and is sent back or discarded once: never both.
CREATE UNIQUE INDEX dead_letter_once ON dead_letter (letter_id, (action = 'dead-lettered'));
CREATE INDEX dead_letter_delivery ON dead_letter (delivery_id);
CREATE INDEX dead_letter_command ON dead_letter (command_id);
