SELECT
    gap.reconciliation_id,
    gap.source,
    gap.kind,
    gap.subject,
    gap.repository,
    gap.ref_name,
    gap.after_sha,
    gap.first_attempt_at,
    gap.last_status,
    gap.action,
    gap.recorded_at AS found_at,
    receipt.recorded_at AS closed_at,
    receipt.delivery_id IS NULL AND coalesce(gap.first_attempt_at < $2, false) AS expired
FROM reconciliation_gap AS gap
LEFT JOIN delivery_receipt AS receipt
    ON receipt.source = gap.source AND receipt.forge_delivery = gap.subject
WHERE $1 IS NULL OR gap.source = $1
ORDER BY
    receipt.delivery_id IS NULL AND NOT coalesce(gap.first_attempt_at < $2, false) DESC,
    gap.recorded_at DESC,
    gap.id
LIMIT $3
