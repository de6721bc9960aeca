SELECT
    death.*,
    coalesce(closing.action, 'open') AS state,
    closing.actor AS closed_by,
    closing.reason AS closed_reason,
    closing.recorded_at AS closed_at
FROM dead_letter AS death
LEFT JOIN dead_letter AS closing
    ON closing.letter_id = death.id AND (closing.action = 'dead-lettered') = false
WHERE death.action = 'dead-lettered'
    AND ($1 IS NULL OR death.stream = $1)
    AND ($2 IS NULL OR death.consumer = $2)
    AND ($3 IS NULL OR strpos(lower(death.reason), lower($3)) > 0)
    AND ($4 IS NULL OR death.died_at >= $4)
    AND ($5 IS NULL OR coalesce(closing.action, 'open') = $5)
    AND ($6 IS NULL OR death.delivery_id = $6)
    AND ($7 IS NULL OR death.id = ANY($7))
ORDER BY death.died_at, death.id
LIMIT $8
