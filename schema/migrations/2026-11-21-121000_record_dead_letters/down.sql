-- The unique index, the other indexes and the checks go with their columns.
ALTER TABLE dead_letter
    DROP COLUMN command_id,
    DROP COLUMN died_at,
    DROP COLUMN first_stored_at,
    DROP COLUMN last_failure,
    DROP COLUMN renewals,
    DROP COLUMN deliveries,
    DROP COLUMN dead_sequence,
    DROP COLUMN delivery_id,
    DROP COLUMN letter_id;
