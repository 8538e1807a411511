-- The runs, and the events without a run, that are older than asked for and that nothing current needs.
--
-- A run goes with all of its events or not at all, once its newest event is before runs_before, and before results_before if
-- it checked or measured something; NULL keeps all of them. What is needed is always the greatest of something, whenever that
-- is asked, so that forgetting early or late comes to the same:
--
--     facets    the newest event of each key of each job and dataset: schemas, owners, code
--     lineage   the newest completed and the newest run of each current lineage; the newest word of a declared one
--     writes    the newest write of each dataset, the newest change of its life, and renamings that still count
--     checks    the newest execution of each check
--     incidents while one is open: the runs that touched its datasets, or what is upstream of them, from the writes that
--               its checks last passed on
--     parents   the runs that started what is kept
CREATE MACRO store.forgettable(runs_before, results_before) AS TABLE
WITH RECURSIVE
    measured AS MATERIALIZED (
        SELECT DISTINCT
            passing_facet.run_key,
            CASE WHEN passing_facet.run_key IS NULL THEN passing_facet.event_id END AS event_id
        FROM store.passing_facet
        WHERE
            passing_facet.key IN (
                'dataQuality', 'dataQualityAssertions', 'dataQualityMetrics', 'greatExpectations_assertions', 'test'
            )
    ),
    old AS MATERIALIZED (
        SELECT
            run.run_key,
            NULL::UUID AS event_id,
            run.run_id,
            run.last_at
        FROM store.run
        WHERE
            run.last_at < runs_before
            AND (
                run.last_at < results_before
                OR run.run_key NOT IN (SELECT measured.run_key FROM measured WHERE measured.run_key IS NOT NULL)
            )
        UNION ALL
        SELECT
            NULL::UUID,
            event.event_id,
            NULL,
            event.event_time
        FROM store.event
        WHERE
            event.run_key IS NULL
            AND event.event_time < runs_before
            AND (
                event.event_time < results_before
                OR event.event_id NOT IN (SELECT measured.event_id FROM measured WHERE measured.event_id IS NOT NULL)
            )
    ),
    lasting AS (
        SELECT max(shape_seen.newest).event_id AS event_id
        FROM store.shape_facet
        JOIN store.shape USING (shape_id)
        JOIN store.shape_seen USING (shape_id)
        LEFT JOIN store.dataset USING (dataset_id)
        GROUP BY
            CASE WHEN shape_facet.dataset_id IS NULL THEN shape.job_id END,
            dataset.canonical_id,
            shape_facet.key
    ),
    passing AS (
        SELECT max({'event_time': passing_facet.event_time, 'event_id': passing_facet.event_id}).event_id AS event_id
        FROM store.passing_facet
        LEFT JOIN store.dataset USING (dataset_id)
        WHERE passing_facet.entity IN ('job', 'dataset')
        GROUP BY
            passing_facet.entity,
            CASE WHEN passing_facet.entity = 'job' THEN passing_facet.job_id END,
            dataset.canonical_id,
            passing_facet.key
    ),
    current AS MATERIALIZED (
        SELECT used.lineage_id
        FROM store.lineage_use_of('store.job_run', 'store.lineage', 'store.lineage_edge', NULL) AS used
        WHERE used.is_current
    ),
    current_run AS (
        SELECT
            max({'last_at': job_run.last_at, 'run_id': job_run.run_id}).run_id AS newest,
            max({'ended_at': job_run.state.event_time, 'run_id': job_run.run_id})
                FILTER (job_run.state.name = 'COMPLETE').run_id AS completed
        FROM store.job_run
        SEMI JOIN current ON current.lineage_id = job_run.lineage_id
        GROUP BY job_run.lineage_id
    ),
    declared AS (
        SELECT max({'event_time': declaration.event_time, 'event_id': declaration.event_id}).event_id AS event_id
        FROM store.declaration
        SEMI JOIN current ON current.lineage_id = declaration.lineage_id
        GROUP BY declaration.lineage_id
    ),
    written AS (
        SELECT max({'written_at': newest_write.written_at, 'run_id': newest_write.run_id}).run_id AS run_id
        FROM store.newest_write
        GROUP BY newest_write.dataset_id
    ),
    changed AS (
        SELECT max({'event_time': changed.event_time, 'event_id': changed.event_id}).event_id AS event_id
        FROM store.lifecycle_change AS changed
        GROUP BY changed.dataset_id
    ),
    result AS MATERIALIZED (
        SELECT
            said.namespace,
            said.name,
            said.field,
            said.check_name,
            said.tool,
            said.status,
            said.executed_at,
            said.run_id
        FROM main.check_result AS said
    ),
    watched AS MATERIALIZED (
        SELECT
            watched_check.namespace,
            watched_check.name,
            watched_check.field,
            watched_check.check_name,
            watched_check.tool,
            watched_check.since
        FROM store.watched_check
    ),
    executed AS (
        SELECT
            result.run_id,
            result.executed_at
        FROM result
        WHERE result.status != 'skipped'
        QUALIFY
            result.executed_at = max(result.executed_at) OVER (
                PARTITION BY result.namespace, result.name, result.field, result.check_name, result.tool
            )
        UNION ALL
        SELECT
            result.run_id,
            result.executed_at
        FROM watched
        JOIN result
            ON
                result.namespace IS NOT DISTINCT FROM watched.namespace
                AND result.name IS NOT DISTINCT FROM watched.name
                AND result.field IS NOT DISTINCT FROM watched.field
                AND result.check_name = watched.check_name
                AND result.tool = watched.tool
        WHERE result.executed_at >= watched.since
    ),
    link AS MATERIALIZED (
        SELECT DISTINCT
            edge.upstream_id,
            edge.downstream_id
        FROM store.edge_now AS edge
        WHERE edge.is_current
    ),
    -- Each dataset that an open incident may come from, with the earliest moment that matters there.
    suspect(dataset_id, since) USING KEY (dataset_id) AS (
        SELECT
            dataset.dataset_id,
            min(watched.since)
        FROM watched
        JOIN store.dataset
            ON
                dataset.namespace = watched.namespace
                AND dataset.name = watched.name
        GROUP BY dataset.dataset_id
        UNION
        SELECT
            link.upstream_id,
            min(suspect.since)
        FROM suspect
        JOIN link ON link.downstream_id = suspect.dataset_id
        LEFT JOIN recurring.suspect AS known ON known.dataset_id = link.upstream_id
        WHERE known.since IS NULL OR known.since > suspect.since
        GROUP BY link.upstream_id
    ),
    -- What was read at that moment had been written before it.
    scene AS MATERIALIZED (
        SELECT
            suspect.dataset_id,
            coalesce(max(write.started_at) FILTER (write.written_at <= suspect.since), suspect.since) AS since
        FROM suspect
        LEFT JOIN store.write_of((SELECT list(DISTINCT suspect.dataset_id) FROM suspect), 'store.lifecycle_change') AS write
            ON write.dataset_id = suspect.dataset_id
        GROUP BY
            suspect.dataset_id,
            suspect.since
    ),
    touching AS MATERIALIZED (
        SELECT
            lineage_shape.lineage_id,
            min(scene.since) AS since
        FROM store.lineage_shape
        JOIN store.shape_dataset USING (shape_id)
        JOIN store.dataset USING (dataset_id)
        JOIN scene ON scene.dataset_id = dataset.canonical_id
        GROUP BY lineage_shape.lineage_id
    ),
    needed_run AS MATERIALIZED (
        SELECT current_run.newest AS run_id FROM current_run
        UNION
        SELECT current_run.completed FROM current_run
        UNION
        SELECT written.run_id FROM written
        UNION
        SELECT renaming.run_id FROM store.renaming WHERE renaming.written_again_at IS NULL
        UNION
        SELECT executed.run_id FROM executed
        UNION
        SELECT job_run.run_id
        FROM store.job_run
        JOIN touching ON touching.lineage_id = job_run.lineage_id
        WHERE job_run.last_at >= touching.since
    ),
    needed_event AS (
        SELECT lasting.event_id FROM lasting
        UNION
        SELECT passing.event_id FROM passing
        UNION
        SELECT declared.event_id FROM declared
        UNION
        SELECT changed.event_id FROM changed
        UNION
        -- Results without a run.
        SELECT passing_facet.event_id
        FROM store.passing_facet
        SEMI JOIN executed ON executed.executed_at = passing_facet.event_time AND executed.run_id IS NULL
        WHERE passing_facet.run_key IS NULL
    ),
    needed AS MATERIALIZED (
        SELECT
            event.run_key,
            event.event_id
        FROM store.event
        SEMI JOIN needed_event ON needed_event.event_id = event.event_id
    ),
    unneeded AS MATERIALIZED (
        SELECT old.*
        FROM old
        ANTI JOIN needed_run ON needed_run.run_id = old.run_id
        ANTI JOIN needed AS of_run ON of_run.run_key = old.run_key
        ANTI JOIN needed AS alone ON alone.event_id = old.event_id
    ),
    -- Runs that what is kept was started by, and that were started by those.
    ancestor(run_id) AS (
        SELECT unnest([run.parent.run_id, run.parent.root_run_id])
        FROM store.run
        ANTI JOIN unneeded ON unneeded.run_key = run.run_key
        UNION
        SELECT unnest([run.parent.run_id, run.parent.root_run_id])
        FROM ancestor
        JOIN unneeded ON unneeded.run_id = ancestor.run_id
        JOIN store.run ON run.run_key = unneeded.run_key
    )
SELECT
    unneeded.run_key,
    unneeded.event_id,
    unneeded.last_at
FROM unneeded
ANTI JOIN ancestor ON ancestor.run_id = unneeded.run_id
ORDER BY unneeded.last_at;
