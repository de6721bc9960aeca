SELECT accepted.lane_id, accepted.number, accepted.delivery_id, accepted.recorded_at, command.actor,
    command.body ->> 'reason' AS reason, EXISTS (
        SELECT FROM lane_hole AS found
        WHERE found.lane_id = accepted.lane_id AND found.number = accepted.number
            AND found.what = 'found'
    ) AS found
FROM lane_hole_accepted AS accepted
JOIN command ON command.id = accepted.command_id
ORDER BY accepted.recorded_at DESC, accepted.lane_id, accepted.number
LIMIT $1
