-- How the schemas of datasets differ between the good version and the bad one, by the runs that named them. "runs" and "places"
-- are the names of tables.
CREATE MACRO store.schema_step_of(dataset_ids, runs, places) AS TABLE
WITH
    schema_seen AS MATERIALIZED (
        SELECT
            known.canonical_id AS dataset_id,
            shape_facet.document_id,
            CASE
                WHEN shape_facet.direction = 'output' THEN run.state.event_time
                ELSE coalesce(run.started_at, run.first_at)
            END AS seen_at
        FROM store.dataset_known_as(dataset_ids) AS known
        JOIN store.shape_facet ON shape_facet.dataset_id = known.dataset_id AND shape_facet.key = 'schema'
        JOIN store.lineage_shape USING (shape_id)
        JOIN query_table(runs) AS run USING (lineage_id)
    ),
    schema_pair AS MATERIALIZED (
        SELECT
            place.dataset_id,
            max({'seen_at': schema_seen.seen_at, 'document_id': schema_seen.document_id})
                FILTER (schema_seen.seen_at <= place.bound) AS new,
            max({'seen_at': schema_seen.seen_at, 'document_id': schema_seen.document_id})
                FILTER (schema_seen.seen_at <= place.good_bound) AS old
        FROM query_table(places) AS place
        JOIN schema_seen USING (dataset_id)
        GROUP BY place.dataset_id
    )
SELECT
    coalesce(was.dataset_id, is_now.dataset_id) AS dataset_id,
    coalesce(was.field, is_now.field) AS field,
    CASE
        WHEN was.field IS NULL THEN 'added'
        WHEN is_now.field IS NULL THEN 'removed'
        ELSE 'type_changed'
    END AS change
FROM (
    SELECT schema_pair.dataset_id, schema_field.field, lower(schema_field.type) AS type
    FROM schema_pair
    JOIN store.schema_field ON schema_field.document_id = schema_pair.old.document_id
    WHERE schema_pair.old.document_id != schema_pair.new.document_id
) AS was
FULL JOIN (
    SELECT schema_pair.dataset_id, schema_field.field, lower(schema_field.type) AS type
    FROM schema_pair
    JOIN store.schema_field ON schema_field.document_id = schema_pair.new.document_id
    WHERE schema_pair.old.document_id != schema_pair.new.document_id
) AS is_now
    ON
        is_now.dataset_id = was.dataset_id
        AND is_now.field = was.field
WHERE was.field IS NULL OR is_now.field IS NULL OR was.type != is_now.type;
