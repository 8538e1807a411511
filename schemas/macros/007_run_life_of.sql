-- When runs began and how they ended, from their events: a row for each run and job_id. "told" is the name of a table of
-- events: run_key, job_id, event_type, event_time, event_id.
CREATE MACRO store.run_life_of(told) AS TABLE
SELECT
    event.run_key,
    event.job_id,
    min(event.event_time) AS first_at,
    min(event.event_time) FILTER (event.event_type = 'START') AS started_at,
    max(event.event_time) AS last_at,
    max(
        {
            'rank': CASE
                WHEN event.event_type IN ('COMPLETE', 'FAIL', 'ABORT') THEN 3::UTINYINT
                WHEN event.event_type = 'OTHER' THEN 1::UTINYINT
                ELSE 2::UTINYINT
            END,
            'event_time': event.event_time,
            'event_id': event.event_id,
            'name': CASE event.event_type WHEN 'START' THEN 'RUNNING' ELSE event.event_type END
        }
    ) FILTER (event.event_type IS NOT NULL) AS state
FROM query_table(told) AS event
GROUP BY
    event.run_key,
    event.job_id;
