-- What the runs of this batch say of lineage, for store.run_lineage_of.
CREATE OR REPLACE TEMP TABLE told AS
SELECT
    new_event.run_key,
    new_event.job_id,
    new_event.shape_id,
    new_event.event_time,
    new_event.event_id
FROM new_event
ANTI JOIN retold USING (run_key)
WHERE
    new_event.tells_lineage
    AND new_event.kind = 'run';

-- Only if there is any run_known:
-- What was told before comes before all that is new, in the order that it has.
INSERT INTO told
SELECT
    run_known.run_key,
    lineage.job_id,
    lineage_shape.shape_id,
    '-infinity',
    printf('%032x', lineage_shape.ordinal)::UUID
FROM run_known
JOIN store.lineage USING (lineage_id)
JOIN store.lineage_shape USING (lineage_id)
WHERE run_known.goes_on;

-- Only if there is any retold:
-- Older events than the first of these runs are of no interest; as a constant that is a filter that skips most of the table.
SET VARIABLE oldest_retold = (
    SELECT min(first_at) FROM retold
);

CREATE OR REPLACE TEMP TABLE retold_event AS
SELECT
    event.run_key,
    event.shape_id,
    event.event_time,
    event.event_id
FROM store.event
SEMI JOIN retold USING (run_key)
WHERE event.event_time >= getvariable('oldest_retold');

INSERT INTO told
SELECT
    event.run_key,
    shape.job_id,
    event.shape_id,
    event.event_time,
    event.event_id
FROM retold_event AS event
JOIN store.shape USING (shape_id)
WHERE shape.tells_lineage;
