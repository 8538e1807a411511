-- One number for each view that holds facts: equal for equal contents, whatever the order of the rows. How records came in
-- is no fact, so of an event only its id counts. The session's TimeZone must be UTC. (A macro: making a view of it would bind
-- every other view once more whenever a store is made.)
CREATE MACRO store.digest() AS TABLE
SELECT
    'dataset' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(dataset::VARCHAR)), 0) AS sum
FROM main.dataset
UNION ALL
SELECT
    'dataset_alias' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(dataset_alias::VARCHAR)), 0) AS sum
FROM main.dataset_alias
UNION ALL
SELECT
    'field' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(field::VARCHAR)), 0) AS sum
FROM main.field
UNION ALL
SELECT
    'schema_change' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(schema_change::VARCHAR)), 0) AS sum
FROM main.schema_change
UNION ALL
SELECT
    'job' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(job::VARCHAR)), 0) AS sum
FROM main.job
UNION ALL
SELECT
    'run' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(run::VARCHAR)), 0) AS sum
FROM main.run
UNION ALL
SELECT
    'run_dataset' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(run_dataset::VARCHAR)), 0) AS sum
FROM main.run_dataset
UNION ALL
SELECT
    'edge' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(edge::VARCHAR)), 0) AS sum
FROM main.edge
UNION ALL
SELECT
    'column_edge' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(column_edge::VARCHAR)), 0) AS sum
FROM main.column_edge
UNION ALL
SELECT
    'check_result' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(check_result::VARCHAR)), 0) AS sum
FROM main.check_result
UNION ALL
SELECT
    'dataset_metric' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(dataset_metric::VARCHAR)), 0) AS sum
FROM main.dataset_metric
UNION ALL
SELECT
    'facet' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(facet::VARCHAR)), 0) AS sum
FROM main.facet
UNION ALL
SELECT
    'event' AS name,
    count(*) AS rows,
    coalesce(sum(md5_number_lower(event.event_id::VARCHAR)), 0) AS sum
FROM main.event;
