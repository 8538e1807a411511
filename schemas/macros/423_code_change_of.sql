-- Whether new code ran between the good version of each dataset and the bad one, and how often it is new among all these jobs.
-- The parameters are the names of tables.
CREATE MACRO store.code_change_of(attempts, runs, places) AS TABLE
WITH
    run_sql AS MATERIALIZED (
        SELECT
            passing_facet.run_key,
            max({'event_time': passing_facet.event_time, 'document_id': passing_facet.document_id}).document_id AS sql_id
        FROM store.passing_facet
        SEMI JOIN query_table(attempts) AS attempt ON attempt.run_key = passing_facet.run_key
        WHERE
            passing_facet.key = 'sql'
            AND passing_facet.entity = 'job'
        GROUP BY passing_facet.run_key
    ),
    run_code AS MATERIALIZED (
        SELECT
            run_near.run_key,
            any_value(run_near.source.version) AS version,
            any_value(run_sql.sql_id) AS sql_id
        FROM query_table(runs) AS run_near
        LEFT JOIN run_sql ON run_sql.run_key = run_near.run_key
        GROUP BY run_near.run_key
    ),
    code_step AS (
        SELECT
            attempt.dataset_id,
            attempt.ended_at,
            run_code.version != lag(run_code.version) OVER by_dataset AS version_changed,
            run_code.sql_id != lag(run_code.sql_id) OVER by_dataset AS sql_changed
        FROM query_table(attempts) AS attempt
        JOIN run_code USING (run_key)
        WHERE attempt.wrote
        WINDOW by_dataset AS (PARTITION BY attempt.dataset_id ORDER BY attempt.ended_at)
    ),
    code_rate AS (
        SELECT
            (count(*) FILTER (code_step.version_changed) + 1) / (count(code_step.version_changed) + 20) AS versions
        FROM code_step
    )
SELECT
    place.dataset_id,
    bool_or(code_step.version_changed) AS version_changed,
    bool_or(code_step.sql_changed) AS sql_changed,
    any_value(code_rate.versions) AS rate
FROM query_table(places) AS place
CROSS JOIN code_rate
LEFT JOIN code_step
    ON
        code_step.dataset_id = place.dataset_id
        AND code_step.ended_at <= place.bound
        AND code_step.ended_at > coalesce(place.good_bound, place.bound)
GROUP BY place.dataset_id;
