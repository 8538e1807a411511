-- Outcomes of checks as events report them, each where it belongs, once for each check and execution.
--
-- An execution is a run, or an invocation of dbt, which tells of one test under several runs; without a run, an event.
-- "facets" is the name of a table like store.dataset_facet_of(…); what belongs to no dataset is among the outcomes.
--
-- check_name is qualified wherever it stands: in a macro with a parameter of that name, DuckDB takes it for the parameter.
CREATE MACRO store.sent_outcome_of(facets) AS TABLE
WITH
    -- The same facet under START and the end, or under facets and inputFacets, counts once.
    said AS MATERIALIZED (
        SELECT
            run_key,
            dataset_id,
            occasion,
            newest.document_id AS document_id,
            max({'event_time': newest.event_time, 'event_id': newest.event_id}) AS stamp
        FROM store.measurement_of(facets) AS measurement
        GROUP BY ALL
    ),
    -- Looked up by themselves: a join with all runs would read them all for a few results.
    said_run AS MATERIALIZED (
        SELECT
            run.run_key,
            run.run_id,
            run.state,
            run.lineage_id,
            run.producer,
            run.parent
        FROM store.run
        SEMI JOIN said USING (run_key)
    ),
    outcome AS MATERIALIZED (
        SELECT
            said.run_key,
            said.dataset_id,
            said.stamp,
            run.run_id,
            run.state.name AS run_state,
            run.lineage_id,
            coalesce(run.producer.uri LIKE '%/integration/dbt%', false) AS is_dbt,
            CASE
                WHEN run.producer.uri LIKE '%/integration/dbt%' THEN 'dbt'
                WHEN run.producer.uri ILIKE '%great%expectations%' THEN 'great_expectations'
                WHEN run.producer.uri ILIKE '%airflow%' THEN 'airflow'
                ELSE 'openlineage'
            END AS tool,
            CASE
                WHEN said.occasion IS NOT NULL THEN said.occasion::VARCHAR
                WHEN run.producer.uri LIKE '%/integration/dbt%' THEN coalesce(run.parent.run_id, run.run_id)
                ELSE run.run_id
            END AS execution,
            -- A facet of the run has dbt's id of the test, test.PROJECT.NAME, where a facet of the dataset has the name.
            CASE
                WHEN said.dataset_id IS NULL AND run.producer.uri LIKE '%/integration/dbt%'
                    THEN regexp_replace(coalesce(assertion.name, assertion.assertion), '^test\.[^.]+\.', '')
                ELSE coalesce(assertion.name, assertion.assertion)
            END AS check_name,
            assertion.*
        FROM said
        JOIN store.assertion USING (document_id)
        LEFT JOIN said_run AS run ON run.run_key = said.run_key
    ),
    unbound AS (
        SELECT * FROM outcome WHERE dataset_id IS NULL
    ),
    -- dbt sends a singular test twice: under its dataset, and in a run of its own that alone may say that it was skipped.
    twin AS (
        SELECT
            unbound.execution,
            unbound.check_name,
            bool_or(unbound.status IN ('skip', 'skipped')) AS is_skipped
        FROM unbound
        WHERE unbound.tested_table IS NULL
        GROUP BY ALL
    ),
    bound AS (
        SELECT DISTINCT
            outcome.execution,
            outcome.check_name
        FROM outcome
        SEMI JOIN twin
            ON
                twin.execution = outcome.execution
                AND twin.check_name = outcome.check_name
        WHERE outcome.dataset_id IS NOT NULL
    ),
    -- A table that a result names is a dataset if one and no other is called that. What dbt keeps of failed rows is none.
    named AS (
        SELECT
            asked.tested_table,
            any_value(dataset.canonical_id) AS dataset_id
        FROM (SELECT DISTINCT tested_table FROM unbound WHERE tested_table IS NOT NULL) AS asked
        JOIN store.dataset
            ON
                regexp_extract(lower(dataset.name), '[^./]+$') = regexp_extract(lower(asked.tested_table), '[^./]+$')
                AND (
                    lower(dataset.name) = lower(asked.tested_table)
                    OR ends_with(lower(dataset.name), '.' || lower(asked.tested_table))
                    OR ends_with(lower(dataset.name), '/' || lower(asked.tested_table))
                )
        WHERE dataset.name NOT LIKE '%dbt\_test\_\_audit.%' ESCAPE '\'
        GROUP BY asked.tested_table
        HAVING count(DISTINCT dataset.canonical_id) = 1
    ),
    -- A test that names no table is about the only dataset that its run reads, if it is there to test.
    only_input AS (
        SELECT
            asked.run_key,
            any_value(dataset.canonical_id) FILTER (shape_dataset.direction = 'input') AS dataset_id
        FROM (SELECT DISTINCT run_key, lineage_id FROM unbound WHERE tested_table IS NULL) AS asked
        JOIN store.lineage_shape ON lineage_shape.lineage_id = asked.lineage_id
        JOIN store.shape ON shape.shape_id = lineage_shape.shape_id
        JOIN store.shape_dataset ON shape_dataset.shape_id = shape.shape_id
        JOIN store.dataset ON dataset.dataset_id = shape_dataset.dataset_id
        GROUP BY asked.run_key
        HAVING
            count(DISTINCT dataset.canonical_id) FILTER (shape_dataset.direction = 'input') = 1
            AND bool_and(shape_dataset.direction = 'input' OR shape.job_type IS NOT DISTINCT FROM 'TEST')
    ),
    placed AS (
        SELECT
            outcome.* EXCLUDE (dataset_id),
            coalesce(outcome.dataset_id, named.dataset_id, only_input.dataset_id) AS dataset_id,
            coalesce(twin.is_skipped, false) AS is_skipped
        FROM outcome
        LEFT JOIN twin
            ON
                twin.execution = outcome.execution
                AND twin.check_name = outcome.check_name
                AND outcome.tested_table IS NULL
        LEFT JOIN bound
            ON
                bound.execution = outcome.execution
                AND bound.check_name = outcome.check_name
        LEFT JOIN named
            ON
                named.tested_table = outcome.tested_table
                AND outcome.dataset_id IS NULL
        LEFT JOIN only_input
            ON
                only_input.run_key = outcome.run_key
                AND outcome.dataset_id IS NULL
                AND outcome.tested_table IS NULL
        WHERE outcome.dataset_id IS NOT NULL OR outcome.tested_table IS NOT NULL OR bound.execution IS NULL
    )
SELECT
    placed.execution,
    placed.dataset_id,
    placed.check_name,
    placed.field,
    bool_or(is_skipped) AS is_skipped,
    max(
        {
            'event_time': stamp.event_time,
            'event_id': stamp.event_id,
            -- One check may be said twice in one facet, with other limits: that it failed counts.
            'failed': NOT success,
            'assertion': assertion,
            'has_name': name IS NOT NULL,
            'status': status,
            'severity': lower(severity),
            'expected': trim(expected),
            'actual': trim(actual),
            'run_id': run_id,
            'run_state': run_state,
            'is_dbt': is_dbt,
            'tool': tool
        }
    ) AS said
FROM placed
GROUP BY ALL;
