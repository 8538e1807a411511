-- What the sidecar counts for its metrics, where only the store knows it. Asked after each publication, so it must be cheap:
-- DuckDB knows the number of rows of a table, and there are few files.
CREATE VIEW store.tally AS
SELECT
    'duplicates' AS what,
    count(*) AS amount
FROM store.duplicate
UNION ALL
SELECT
    'imported_results' AS what,
    count(*) AS amount
FROM store.imported_result
UNION ALL
SELECT
    'files:' || tool AS what,
    count(*) AS amount
FROM store.import_file
GROUP BY tool;
