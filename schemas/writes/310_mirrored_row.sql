-- Which rows the mirrored files of this batch hold: all that they held before are replaced, but for those that are still
-- there. (DuckDB 1.5 cannot push a join's filter on a UUID down into Arrow, so both are tables first.)
CREATE OR REPLACE TEMP TABLE mirrored_file AS
SELECT
    file_id,
    imported_at
FROM batch_import_file
WHERE mirrored;

CREATE OR REPLACE TEMP TABLE held_row AS
SELECT
    file_id,
    row_id
FROM batch_mirrored_row;

UPDATE store.mirrored_row AS stored
SET replaced_at = mirrored_file.imported_at
FROM mirrored_file
WHERE
    stored.file_id = mirrored_file.file_id
    AND stored.replaced_at IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM held_row
        WHERE held_row.file_id = stored.file_id AND held_row.row_id = stored.row_id
    );

-- A row that was replaced may come back, as when a folder is restored from a copy.
MERGE INTO store.mirrored_row AS stored
USING (
    SELECT
        held_row.file_id,
        held_row.row_id,
        mirrored_file.imported_at
    FROM held_row
    JOIN mirrored_file USING (file_id)
) AS held
    ON stored.file_id = held.file_id AND stored.row_id = held.row_id
WHEN MATCHED AND stored.replaced_at IS NOT NULL THEN
    UPDATE SET replaced_at = NULL
WHEN NOT MATCHED THEN
    INSERT BY NAME;
