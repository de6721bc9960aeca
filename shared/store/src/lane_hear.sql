INSERT INTO work.lane AS kept
    (lane_id, given_number, through_number, spool_records, closed, opened_at, heard_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (lane_id) DO UPDATE SET
    given_number = greatest(kept.given_number, excluded.given_number),
    through_number = greatest(kept.through_number, excluded.through_number),
    spool_records = CASE WHEN excluded.heard_at >= kept.heard_at
        THEN excluded.spool_records ELSE kept.spool_records END,
    closed = kept.closed OR excluded.closed,
    heard_at = greatest(kept.heard_at, excluded.heard_at)
