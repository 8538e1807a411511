-- Every number and check result of the datasets in place, told apart by whether it is of the version in question or of one
-- before it. The parameters are the names of tables.
CREATE MACRO store.observation_of(results, facets, runs, places, symptoms, questions) AS TABLE
WITH
    -- Series.
    measured_run AS MATERIALIZED (
        SELECT
            run_near.run_key,
            max(run_near.state) AS state,
            min(coalesce(run_near.started_at, run_near.first_at)) AS started_at
        FROM query_table(runs) AS run_near
        GROUP BY run_near.run_key
    )
SELECT
    result.dataset_id,
    result.field,
    result.check_name AS measure,
    'check' AS source,
    symptom.check_name IS NOT NULL AS is_symptom,
    result.executed_at AS observed_at,
    result.executed_at >= place.since_at AND result.executed_at < place.until_at AS is_current,
    result.executed_at < place.since_at AS is_past,
    result.value,
    result.failed
FROM query_table(results) AS result
JOIN query_table(places) AS place USING (dataset_id)
CROSS JOIN query_table(questions) AS question
LEFT JOIN query_table(symptoms) AS symptom
    ON
        question.dataset_id = result.dataset_id
        AND symptom.check_name = result.check_name
        AND symptom.field = result.field
UNION ALL BY NAME
SELECT
    measurement.dataset_id,
    measurement.field,
    measurement.measure,
    measurement.source,
    false AS is_symptom,
    CASE
        WHEN measurement.source = 'dataQualityMetrics' THEN measurement.measured_at
        WHEN measurement.source = 'outputStatistics' THEN run.state.event_time
        ELSE run.started_at
    END AS observed_at,
    CASE
        WHEN measurement.source = 'dataQualityMetrics'
            THEN measurement.measured_at >= place.since_at AND measurement.measured_at < place.until_at
        WHEN measurement.source = 'outputStatistics'
            THEN measurement.run_key = place.written.run_key
        ELSE run.started_at BETWEEN place.since_at AND place.bound
    END AS is_current,
    CASE
        WHEN measurement.source = 'dataQualityMetrics' THEN measurement.measured_at
        WHEN measurement.source = 'outputStatistics' THEN run.state.event_time
        ELSE run.started_at
    END < place.since_at AS is_past,
    measurement.value
FROM store.measured_number_of(facets) AS measurement
JOIN query_table(places) AS place USING (dataset_id)
LEFT JOIN measured_run AS run USING (run_key)
CROSS JOIN query_table(questions) AS question
WHERE
    measurement.value IS NOT NULL
    AND measurement.measured_at <= question.moment;
