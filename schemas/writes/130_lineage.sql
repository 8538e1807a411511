-- The lineage of the runs of this batch, from all their events, and of what job and dataset events declare.
CREATE OR REPLACE TEMP TABLE run_lineage AS
WITH
    run_shape AS (
        SELECT
            event.run_key,
            event.shape_id,
            max({'event_time': event.event_time, 'event_id': event.event_id}) AS newest
        FROM store.event
        SEMI JOIN batch_run USING (run_key)
        SEMI JOIN store.shape_dataset USING (shape_id)
        GROUP BY ALL
    )
SELECT
    run_key,
    list(shape_id ORDER BY newest) AS shapes,
    md5_number_lower(list(shape_id ORDER BY newest)::VARCHAR) AS lineage_id
FROM run_shape
GROUP BY run_key;

-- An event that names no dataset declares nothing, nor does a dataset event without column lineage.
CREATE OR REPLACE TEMP TABLE declared AS
SELECT
    event_id,
    event_time,
    [shape_id] AS shapes,
    md5_number_lower([shape_id]::VARCHAR) AS lineage_id
FROM new_event
WHERE
    (kind = 'job' AND shape_id IN (SELECT shape_id FROM store.shape_dataset))
    OR (kind = 'dataset' AND shape_id IN (SELECT shape_id FROM store.shape_facet WHERE key = 'columnLineage'));

INSERT INTO store.declaration BY NAME
SELECT
    lineage_id,
    event_time,
    event_id
FROM declared;

CREATE OR REPLACE TEMP TABLE new_lineage_shape AS
WITH
    new_lineage AS (
        SELECT DISTINCT
            lineage_id,
            shapes
        FROM (
            SELECT lineage_id, shapes FROM run_lineage
            UNION ALL
            SELECT lineage_id, shapes FROM declared
        )
        ANTI JOIN store.lineage USING (lineage_id)
    )
SELECT
    lineage_id,
    unnest(shapes) AS shape_id,
    generate_subscripts(shapes, 1) AS ordinal
FROM new_lineage;

INSERT INTO store.lineage_shape BY NAME FROM new_lineage_shape;

INSERT INTO store.lineage BY NAME
SELECT
    lineage_id,
    shape.job_id,
    any_value(shape_dataset.dataset_id) FILTER (shape_dataset.direction = 'dataset') AS dataset_id,
    bool_or(coalesce(shape.processing_type IN ('STREAMING', 'SERVICE'), false)) AS streaming
FROM new_lineage_shape
JOIN store.shape USING (shape_id)
JOIN store.shape_dataset USING (shape_id)
GROUP BY ALL;
