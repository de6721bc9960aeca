SELECT DISTINCT d.lane_id FROM delivery d
WHERE d.received_at >= $1 AND d.key <> $2
    AND NOT EXISTS (SELECT FROM work.lane l WHERE l.lane_id = d.lane_id)
ORDER BY d.lane_id
