-- Ranked candidates for what broke a dataset: the failing datasets furthest upstream on current paths.
--
-- A check fails while its newest outcome is a failure. A failing dataset with a failing dataset upstream of it is more
-- likely a victim than a cause, so candidates that have none come first; among them those that fail a check of the
-- symptom's dimension, the worse severity, and the longer way upstream.
CREATE MACRO root_cause(ns, ds, fld := NULL, check_name := NULL, as_of := NULL) AS TABLE
WITH RECURSIVE
    current_edge AS MATERIALIZED (
        SELECT DISTINCT
            upstream_id,
            downstream_id
        FROM store.edge_at(as_of::TIMESTAMPTZ)
        WHERE is_current
    ),
    -- From the symptom upstream, with one shortest path to each dataset.
    walk(dataset_id, depth, path) USING KEY (dataset_id) AS (
        SELECT
            dataset_id,
            0,
            [name]
        FROM store.dataset
        WHERE namespace = ns AND name = ds
        UNION
        SELECT
            current_edge.upstream_id,
            min(walk.depth) + 1,
            min([dataset.name] || walk.path)
        FROM walk
        JOIN current_edge ON current_edge.downstream_id = walk.dataset_id
        JOIN store.dataset ON dataset.dataset_id = current_edge.upstream_id
        LEFT JOIN recurring.walk AS seen ON seen.dataset_id = current_edge.upstream_id
        WHERE seen.dataset_id IS NULL
        GROUP BY current_edge.upstream_id
    ),
    result AS MATERIALIZED (
        SELECT
            walk.dataset_id,
            walk.depth,
            check_result.*
        FROM check_result
        JOIN store.dataset
            ON
                dataset.namespace = check_result.namespace
                AND dataset.name = check_result.name
        JOIN walk USING (dataset_id)
        WHERE
            check_result.status IN ('passed', 'failed')
            AND (as_of IS NULL OR check_result.executed_at <= as_of::TIMESTAMPTZ)
    ),
    -- The failures since each check last passed.
    failing AS (
        SELECT
            result.dataset_id,
            result.depth,
            result.check_name,
            result.field,
            any_value(result.dimension) AS dimension,
            max(CASE result.severity WHEN 'fatal' THEN 3 WHEN 'error' THEN 2 ELSE 1 END) AS severity,
            min(result.executed_at) AS failing_since
        FROM result
        LEFT JOIN (
            SELECT
                passed.dataset_id,
                passed.check_name,
                passed.field,
                max(passed.executed_at) AS passed_at
            FROM result AS passed
            WHERE passed.status = 'passed'
            GROUP BY ALL
        ) AS pass
            ON
                pass.dataset_id = result.dataset_id
                AND pass.check_name = result.check_name
                AND pass.field IS NOT DISTINCT FROM result.field
        WHERE
            result.status = 'failed'
            AND (pass.passed_at IS NULL OR result.executed_at > pass.passed_at)
        GROUP BY
            result.dataset_id,
            result.depth,
            result.check_name,
            result.field
    ),
    symptom AS (
        SELECT
            failing.dimension,
            failing.severity
        FROM failing
        WHERE
            depth = 0
            AND (fld IS NULL OR field = fld)
            AND (check_name IS NULL OR failing.check_name = check_name)
    ),
    symptom_dimension AS (
        SELECT list(DISTINCT dimension) AS dimensions
        FROM symptom
        HAVING count(*) > 0
    ),
    candidate AS MATERIALIZED (
        SELECT
            failing.dataset_id,
            failing.depth,
            max(
                {
                    'asked': coalesce(
                        failing.depth = 0
                        AND (fld IS NULL OR failing.field = fld)
                        AND (check_name IS NULL OR failing.check_name = check_name),
                        false
                    ),
                    'same_dimension': coalesce(list_contains(symptom_dimension.dimensions, failing.dimension), false),
                    'severity': failing.severity,
                    'check_name': failing.check_name,
                    'field': failing.field,
                    'failing_since': failing.failing_since
                }
            ) AS worst,
            list(
                {'check_name': failing.check_name, 'field': failing.field, 'failing_since': failing.failing_since}
                ORDER BY failing.check_name
            ) AS checks
        FROM failing
        CROSS JOIN symptom_dimension
        GROUP BY
            failing.dataset_id,
            failing.depth
    ),
    -- Which candidates have another one upstream.
    victim(candidate_id, dataset_id) AS (
        SELECT
            candidate.dataset_id,
            current_edge.upstream_id
        FROM candidate
        JOIN current_edge ON current_edge.downstream_id = candidate.dataset_id
        UNION
        SELECT
            victim.candidate_id,
            current_edge.upstream_id
        FROM victim
        JOIN current_edge ON current_edge.downstream_id = victim.dataset_id
    ),
    -- The run that wrote what the first failing check saw.
    write AS (
        SELECT
            candidate.dataset_id,
            max(
                {
                    'written_at': run.state.event_time,
                    'run_id': run.run_id,
                    'job_namespace': job.namespace,
                    'job_name': job.name
                }
            ) AS judged
        FROM candidate
        JOIN store.shape_dataset
            ON
                shape_dataset.dataset_id = candidate.dataset_id
                AND shape_dataset.direction = 'output'
        JOIN store.shape
            ON
                shape.shape_id = shape_dataset.shape_id
                AND shape.job_type IS DISTINCT FROM 'TEST'
        JOIN store.lineage_shape ON lineage_shape.shape_id = shape.shape_id
        JOIN store.run ON run.lineage_id = lineage_shape.lineage_id
        JOIN store.job ON job.job_id = run.job.job_id
        WHERE
            run.state.name = 'COMPLETE'
            AND run.state.event_time <= candidate.worst.failing_since
        GROUP BY candidate.dataset_id
    ),
    has_candidate_upstream AS (
        SELECT DISTINCT victim.candidate_id AS dataset_id
        FROM victim
        JOIN candidate USING (dataset_id)
        WHERE victim.candidate_id != victim.dataset_id
    ),
    scored AS (
        SELECT
            candidate.*,
            write.judged,
            has_candidate_upstream.dataset_id IS NOT NULL AS is_victim
        FROM candidate
        LEFT JOIN write USING (dataset_id)
        LEFT JOIN has_candidate_upstream USING (dataset_id)
    )
SELECT
    row_number() OVER (
        ORDER BY
            scored.is_victim,
            scored.worst.same_dimension DESC,
            scored.worst.severity DESC,
            scored.depth DESC,
            dataset.namespace,
            dataset.name
    ) AS rank,
    CASE WHEN scored.is_victim THEN 0.25 ELSE 0.5 END
    + CASE WHEN scored.worst.same_dimension THEN 0.25 ELSE 0 END
    + scored.worst.severity / 12 AS score,
    'failed_check' AS kind,
    dataset.namespace,
    dataset.name,
    scored.worst.field AS field,
    scored.judged.job_namespace AS job_namespace,
    scored.judged.job_name AS job_name,
    scored.judged.run_id AS run_id,
    coalesce(scored.judged.written_at, scored.worst.failing_since) AS bad_since,
    scored.depth,
    walk.path,
    format(
        '{} has failed {} since {}{}',
        dataset.name,
        scored.worst.check_name,
        strftime(coalesce(scored.judged.written_at, scored.worst.failing_since) AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S UTC'),
        CASE
            WHEN scored.depth > 0 THEN format('; {} was made from it', array_to_string(walk.path[2:], ', then '))
            ELSE ''
        END
    ) AS evidence,
    to_json({'failing_checks': scored.checks, 'failing_dataset_upstream': scored.is_victim}) AS evidence_detail
FROM scored
JOIN store.dataset USING (dataset_id)
JOIN walk USING (dataset_id)
ORDER BY rank;

COMMENT ON MACRO TABLE root_cause IS
    'Ranked candidates for what broke a dataset. FROM root_cause(''ns'', ''ds'', fld := ''column'', check_name := ''check'', as_of := now()).';
