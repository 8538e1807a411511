-- The rows that a mirrored file held once and that none holds now.
CREATE VIEW store.replaced_row AS
SELECT
    gone.row_id,
    max(gone.replaced_at) AS replaced_at
FROM store.mirrored_row AS gone
ANTI JOIN (SELECT row_id FROM store.mirrored_row WHERE replaced_at IS NULL) AS held USING (row_id)
WHERE gone.replaced_at IS NOT NULL
GROUP BY gone.row_id;
