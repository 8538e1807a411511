-- Events that are new. One that is there already has the same event_time: the join on it lets DuckDB leave out most of the
-- table by its minimum and maximum.
CREATE OR REPLACE TEMP TABLE new_event AS
SELECT
    batch.event_id,
    batch.kind,
    batch.event_time,
    batch.run_key,
    batch.shape_id
FROM batch_event AS batch
ANTI JOIN store.event USING (event_time, event_id);

INSERT INTO store.event BY NAME
WITH
    -- DuckDB 1.5 cannot push a filter on a UUID into Arrow.
    batch AS MATERIALIZED (
        SELECT * FROM batch_event
    )
SELECT batch.*
FROM batch
SEMI JOIN new_event USING (event_id);
