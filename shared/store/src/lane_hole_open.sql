SELECT h.* FROM lane_hole h
WHERE h.what = 'missing' AND NOT EXISTS (
    SELECT FROM lane_hole f
    WHERE f.lane_id = h.lane_id AND f.number = h.number AND f.what = 'found'
) AND NOT EXISTS (
    SELECT FROM lane_hole_accepted a WHERE a.lane_id = h.lane_id AND a.number = h.number
)
ORDER BY h.recorded_at, h.lane_id, h.number
LIMIT $1
