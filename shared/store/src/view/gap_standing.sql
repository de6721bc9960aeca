-- A ref's gap never expires: what stands for its push is made by ourselves.
SELECT
    source,
    kind,
    count(*) AS found,
    count(*) FILTER (WHERE is_closed) AS closed,
    count(*) FILTER (WHERE NOT is_closed AND NOT is_past) AS open,
    count(*) FILTER (WHERE NOT is_closed AND is_past) AS expired,
    min(missing_at) FILTER (WHERE NOT is_closed AND NOT is_past) AS oldest_open_at
FROM (
    SELECT
        gap.source,
        gap.kind,
        receipt.delivery_id IS NOT NULL AS is_closed,
        coalesce(gap.first_attempt_at < $1, false) AS is_past,
        coalesce(gap.first_attempt_at, gap.recorded_at) AS missing_at
    FROM reconciliation_gap AS gap
    LEFT JOIN delivery_receipt AS receipt
        ON receipt.source = gap.source AND receipt.forge_delivery = gap.subject
) AS stands
GROUP BY source, kind
ORDER BY source, kind
