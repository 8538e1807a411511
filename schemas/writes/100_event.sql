-- Events that are new, and what their shapes say of lineage. An event that is there already has the same event_time: by the
-- least and the greatest of the batch, DuckDB leaves out most of the table. A semi join hands them down to the table, an anti
-- join does not.
CREATE OR REPLACE TEMP TABLE new_event AS
WITH
    -- DuckDB 1.5 cannot push a filter on a UUID into Arrow.
    batch AS MATERIALIZED (
        SELECT
            event_id,
            kind,
            event_time,
            run_key,
            shape_id
        FROM batch_event
    ),
    known AS MATERIALIZED (
        SELECT event.event_id
        FROM store.event
        SEMI JOIN batch USING (event_time, event_id)
    ),
    shape_near AS MATERIALIZED (
        SELECT
            shape.shape_id,
            shape.job_id,
            shape.tells_lineage,
            shape.stands_alone
        FROM store.shape
        SEMI JOIN batch USING (shape_id)
    )
SELECT
    batch.*,
    shape.job_id,
    shape.tells_lineage,
    shape.stands_alone
FROM batch
ANTI JOIN known USING (event_id)
LEFT JOIN shape_near AS shape USING (shape_id);

INSERT INTO store.event BY NAME
WITH
    batch AS MATERIALIZED (
        SELECT * FROM batch_event
    )
SELECT batch.*
FROM batch
SEMI JOIN new_event USING (event_id);
