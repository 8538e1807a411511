-- The lineage of the runs of this batch, from all their events, and of the events that declare one by themselves.
--
-- Older events than the first of these runs are of no interest; as a constant that is a filter that skips most of the table.
SET VARIABLE oldest_run = (
    SELECT min(least(batch_run.first_at, run.first_at))
    FROM batch_run
    LEFT JOIN store.run USING (run_key)
);

CREATE OR REPLACE TEMP TABLE run_lineage AS
WITH
    told_of_run AS (
        SELECT
            event.run_key,
            shape.job_id,
            event.shape_id,
            event.event_time,
            event.event_id
        FROM store.event
        SEMI JOIN batch_run USING (run_key)
        JOIN store.shape USING (shape_id)
        WHERE
            shape.tells_lineage
            AND event.event_time >= getvariable('oldest_run')
    )
FROM store.run_lineage_of('told_of_run');

-- What a job or a dataset event says holds until the next one; so does a complete snapshot of what a stream reads and writes.
CREATE OR REPLACE TEMP TABLE declared AS
SELECT
    new_event.event_id,
    new_event.event_time,
    new_event.run_key,
    [new_event.shape_id] AS shapes,
    md5_number_lower([new_event.shape_id]::VARCHAR) AS lineage_id
FROM new_event
JOIN store.shape USING (shape_id)
WHERE
    shape.tells_lineage
    AND (new_event.kind != 'run' OR shape.stands_alone);

INSERT INTO store.declaration BY NAME
SELECT
    lineage_id,
    event_time,
    event_id,
    run_key
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

-- The long lineages that the runs of this batch had until now.
CREATE OR REPLACE TEMP TABLE outgrown AS
SELECT had.lineage_id
FROM (
    SELECT lineage_id
    FROM store.run
    SEMI JOIN batch_run USING (run_key)
    UNION
    SELECT lineage_id
    FROM store.run_job
    SEMI JOIN batch_run USING (run_key)
) AS had
JOIN store.lineage_shape USING (lineage_id)
GROUP BY had.lineage_id
HAVING count(*) > 16;

-- Only if there is any new_lineage_shape:
INSERT INTO store.lineage_shape BY NAME FROM new_lineage_shape;

INSERT INTO store.lineage BY NAME FROM store.lineage_of('new_lineage_shape');
