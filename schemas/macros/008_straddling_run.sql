-- The runs that went on after a moment, as they stood at it: what their events had said by then. These are few, so their events
-- are gone through; all that the other runs said is in store.run. NULL means now, after which no run went on.
CREATE MACRO store.straddling_run(ts) AS TABLE
WITH
    straddling AS MATERIALIZED (
        SELECT
            run.run_key,
            run.run_id,
            run.first_at
        FROM store.run
        WHERE
            run.first_at <= ts
            AND run.last_at > ts
            AND (
                run.lineage_id IS NOT NULL
                OR run.run_key IN (SELECT run_job.run_key FROM store.run_job)
            )
    ),
    said AS MATERIALIZED (
        SELECT
            event.run_key,
            shape.job_id,
            event.shape_id,
            event.event_type,
            event.event_time,
            event.event_id,
            shape.tells_lineage
        FROM store.event
        SEMI JOIN straddling ON straddling.run_key = event.run_key
        JOIN store.shape ON shape.shape_id = event.shape_id
        WHERE
            event.event_time <= ts
            AND event.event_time >= (SELECT min(straddling.first_at) FROM straddling)
    ),
    said_of_lineage AS (
        SELECT *
        FROM said
        WHERE said.tells_lineage
    ),
    run_lineage AS MATERIALIZED (
        FROM store.run_lineage_of('said_of_lineage')
    ),
    -- All events of a run count, whichever job they name, unless several jobs share it: see store.run_job.
    shared AS (
        SELECT run_lineage.run_key
        FROM run_lineage
        GROUP BY run_lineage.run_key
        HAVING count(*) > 1
    ),
    said_of_life AS (
        SELECT said.* REPLACE (CASE WHEN shared.run_key IS NOT NULL THEN said.job_id END AS job_id)
        FROM said
        LEFT JOIN shared ON shared.run_key = said.run_key
    )
SELECT
    straddling.run_id,
    run_lineage.lineage_id,
    run_lineage.shapes,
    life.first_at,
    life.last_at,
    life.state
FROM run_lineage
JOIN straddling ON straddling.run_key = run_lineage.run_key
JOIN store.run_life_of('said_of_life') AS life
    ON
        life.run_key = run_lineage.run_key
        AND (life.job_id IS NULL OR life.job_id = run_lineage.job_id);
