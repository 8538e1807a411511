-- Ranked causes for what broke a dataset: what a check fails on, and what could have carried it there.
--
-- 1. The symptom is the checks that were asked about and fail. The first failure since they last passed dates it.
-- 2. A walk through time finds which version of each upstream dataset was read for it, and which for the version that still
--    passed. A run carries only what its inputs already had when it started, so the walk carries the latest moment that could
--    still matter. A run that was due and did not come would have read what was there then. (version_read)
-- 3. Every number and check result of those versions is compared with its own history: how odd is it? A node is a field of a
--    dataset, or '' for the dataset as a whole: its rows. (observation_of, judged_of)
-- 4. Nodes hang together by the column lineage that those very runs had, by rows, and where lineage says nothing by names.
--    The easiest way from the symptom to a node is its path. (column_link_of, node_link_of, easiest_path)
-- 5. A candidate is judged by log odds, summed: its own oddity, what odd things below it would follow from it, its path, and
--    what happened to its runs, code and schema between the version that passed and the one that failed. (support_of,
--    code_change_of, schema_step_of)
-- 6. The scores are the chances of all candidates and of there being no cause at all. No rows means: no cause.
--
-- Most steps are macros of their own; here is how they hang together, and the judgement. Nothing after as_of matters. What each
-- kind of evidence counts for stands in root_cause_weight, with reasons.
CREATE MACRO root_cause(ns, ds, fld := NULL, check_name := NULL, as_of := NULL) AS TABLE
WITH
    asked AS MATERIALIZED (
        SELECT
            dataset.canonical_id AS dataset_id,
            coalesce(as_of::TIMESTAMPTZ, TIMESTAMPTZ '9999-12-31 00:00:00Z') AS moment
        FROM store.dataset
        WHERE dataset.namespace = ns AND dataset.name = ds
    ),
    weight AS MATERIALIZED (
        FROM store.cause_weight
    ),
    -- Everything that was ever upstream. The walk below knows better, but this is what has to be looked at.
    said_upstream AS MATERIALIZED (
        SELECT known.dataset_id
        FROM store.ever_upstream_of((SELECT list(asked.dataset_id) FROM asked)) AS known
    ),
    hint AS MATERIALIZED (
        FROM store.hint_into(
            (SELECT list(said_upstream.dataset_id) FROM said_upstream),
            (SELECT any_value(asked.moment) FROM asked)
        )
    ),
    -- What is behind a hint is what lineage says of it.
    reach AS MATERIALIZED (
        SELECT said_upstream.dataset_id FROM said_upstream
        UNION
        SELECT beyond.dataset_id
        FROM store.ever_upstream_of(
            (
                SELECT list(DISTINCT hint.upstream_id)
                FROM hint
                ANTI JOIN said_upstream ON said_upstream.dataset_id = hint.upstream_id
            )
        ) AS beyond
    ),
    -- All runs that name any of these datasets.
    lineage_near AS MATERIALIZED (
        SELECT DISTINCT lineage_shape.lineage_id
        FROM store.dataset_known_as((SELECT list(reach.dataset_id) FROM reach)) AS known
        JOIN store.shape_dataset USING (dataset_id)
        JOIN store.lineage_shape USING (shape_id)
    ),
    run_near AS MATERIALIZED (
        SELECT job_run.*
        FROM store.job_run
        SEMI JOIN lineage_near ON lineage_near.lineage_id = job_run.lineage_id
    ),
    facet_near AS MATERIALIZED (
        FROM store.dataset_facet_of((SELECT list(reach.dataset_id) FROM reach))
    ),
    result AS MATERIALIZED (
        SELECT
            dataset.dataset_id,
            check_result.check_name,
            coalesce(check_result.field, '') AS field,
            check_result.status = 'failed' AS failed,
            try_cast(check_result.actual AS DOUBLE) AS value,
            check_result.executed_at
        FROM store.check_result_of('facet_near') AS check_result
        JOIN store.dataset
            ON
                dataset.namespace = check_result.namespace
                AND dataset.name = check_result.name
        SEMI JOIN reach ON reach.dataset_id = dataset.dataset_id
        CROSS JOIN asked
        WHERE
            check_result.status IN ('passed', 'failed')
            AND check_result.executed_at <= asked.moment
    ),
    attempt AS MATERIALIZED (
        SELECT
            attempt.*,
            coalesce(attempt.state = 'COMPLETE', false) OR attempt.streaming AS wrote
        FROM store.attempt_of((SELECT list(reach.dataset_id) FROM reach), 'run_near') AS attempt
        CROSS JOIN asked
        WHERE attempt.started_at <= asked.moment
    ),
    -- The symptom: the checks that were asked about and fail.
    own_result AS (
        SELECT
            result.*,
            max(result.executed_at) FILTER (NOT result.failed) OVER own_check AS passed_at
        FROM result
        JOIN asked USING (dataset_id)
        WHERE
            (fld IS NULL OR result.field = fld)
            AND (check_name IS NULL OR result.check_name = check_name)
        WINDOW own_check AS (PARTITION BY result.check_name, result.field)
    ),
    symptom AS MATERIALIZED (
        SELECT
            own_result.check_name,
            own_result.field,
            any_value(own_result.passed_at) AS passed_at,
            min(own_result.executed_at) AS failed_at
        FROM own_result
        WHERE own_result.failed AND (own_result.passed_at IS NULL OR own_result.executed_at > own_result.passed_at)
        GROUP BY
            own_result.check_name,
            own_result.field
    ),
    question AS MATERIALIZED (
        SELECT
            asked.dataset_id,
            asked.moment,
            coalesce(failing.failed_at, latest.known_at, asked.moment) AS bad_at,
            failing.passed_at AS good_at,
            failing.checks > 0 AS has_symptom
        FROM asked
        CROSS JOIN (
            SELECT
                max(symptom.failed_at) AS failed_at,
                max(symptom.passed_at) AS passed_at,
                count(*) AS checks
            FROM symptom
        ) AS failing
        CROSS JOIN (SELECT count(*) AS results FROM own_result) AS judged
        CROSS JOIN (
            SELECT
                greatest(
                    (SELECT max(result.executed_at) FROM result),
                    (
                        SELECT max(coalesce(attempt.ended_at, attempt.started_at))
                        FROM attempt
                        WHERE coalesce(attempt.ended_at, attempt.started_at) <= (SELECT any_value(asked.moment) FROM asked)
                    )
                ) AS known_at
        ) AS latest
        WHERE
            failing.checks > 0
            OR (fld IS NULL AND check_name IS NULL)
            OR judged.results = 0
    ),
    -- The walk through time.
    reach_edge AS MATERIALIZED (
        SELECT
            made_from.lineage_id,
            made_from.upstream_id,
            made_from.downstream_id
        FROM store.made_from_into((SELECT list(reach.dataset_id) FROM reach)) AS made_from
        SEMI JOIN attempt
            ON
                attempt.lineage_id = made_from.lineage_id
                AND attempt.dataset_id = made_from.downstream_id
        UNION ALL
        SELECT
            NULL AS lineage_id,
            hint.upstream_id,
            hint.downstream_id
        FROM hint
        SEMI JOIN reach ON reach.dataset_id = hint.downstream_id
    ),
    -- How often a dataset is written, as far as is known by the moment.
    rhythm AS MATERIALIZED (
        SELECT
            dataset_id,
            median(gap) AS interval
        FROM (
            SELECT
                attempt.dataset_id,
                epoch(attempt.started_at - lag(attempt.started_at) OVER (
                    PARTITION BY attempt.dataset_id ORDER BY attempt.started_at
                )) AS gap
            FROM attempt
        )
        GROUP BY dataset_id
        HAVING count(gap) >= 3
    ),
    version AS MATERIALIZED (
        FROM store.version_read('question', 'attempt', 'reach_edge', 'rhythm')
    ),
    place AS MATERIALIZED (
        SELECT
            bad.dataset_id,
            bad.bound,
            good.bound AS good_bound,
            bad.tried,
            bad.written,
            coalesce(bad.written.written_at, bad.bound - (bad.bound - good.bound) / 2, TIMESTAMPTZ '-infinity') AS since_at,
            least(
                CASE
                    WHEN bad.written IS NOT NULL THEN bad.next_at
                    WHEN good.bound IS NOT NULL THEN bad.bound + (bad.bound - good.bound) / 2
                END,
                question.moment + INTERVAL 1 MICROSECOND
            ) AS until_at,
            rhythm.interval
        FROM version AS bad
        CROSS JOIN question
        LEFT JOIN version AS good ON good.side = 'good' AND good.dataset_id = bad.dataset_id
        LEFT JOIN rhythm ON rhythm.dataset_id = bad.dataset_id
        WHERE bad.side = 'bad'
    ),
    observation AS MATERIALIZED (
        FROM store.observation_of('result', 'facet_near', 'run_near', 'place', 'symptom', 'question')
    ),
    judged AS MATERIALIZED (
        FROM store.judged_of('observation', 'weight')
    ),
    node_odds AS MATERIALIZED (
        SELECT
            judged.dataset_id,
            judged.field,
            bool_or(
                judged.now.failed
                AND judged.odds > 1
                AND regexp_matches(judged.measure, 'schema|column_?count|columns_to_match', 'i')
            ) AS schema_failing,
            max(
                {
                    'odds': judged.odds,
                    'source': judged.source,
                    'measure': judged.measure,
                    'value': judged.now.value,
                    'middle': judged.middle,
                    'failed': judged.now.failed
                }
            ) AS worst,
            bool_or((judged.last.failed OR judged.last_z >= 4) AND judged.odds > 1) AS was_odd,
            CASE
                WHEN max(judged.odds) > 1 THEN least(sum(judged.odds) FILTER (judged.odds > 0) * 0.3 + 0.7 * max(judged.odds), 5)
                ELSE greatest(sum(judged.odds), -3)
            END AS odds
        FROM judged
        WHERE NOT judged.is_symptom  -- it is what is to be explained
        GROUP BY
            judged.dataset_id,
            judged.field
    ),
    -- Whether anything else speaks for the symptom: the same field measured in another way, and its own value.
    doubt AS MATERIALIZED (
        SELECT
            coalesce(
                (
                    SELECT max(node_odds.odds)
                    FROM node_odds
                    JOIN question USING (dataset_id)
                    SEMI JOIN symptom ON symptom.field = node_odds.field
                ),
                0
            ) AS others,
            coalesce((SELECT max(judged.z) FROM judged WHERE judged.is_symptom), 10) AS z,
            coalesce((SELECT max(judged.odds) FROM judged WHERE judged.is_symptom), 0) AS odds
    ),
    column_link AS MATERIALIZED (
        FROM store.column_link_of('place', 'attempt', 'weight')
    ),
    table_link AS MATERIALIZED (
        SELECT DISTINCT
            place.dataset_id AS downstream_id,
            reach_edge.upstream_id
        FROM place
        JOIN reach_edge
            ON
                reach_edge.downstream_id = place.dataset_id
                AND (reach_edge.lineage_id IS NULL OR reach_edge.lineage_id = place.tried.lineage_id)
        SEMI JOIN place AS above ON above.dataset_id = reach_edge.upstream_id
    ),
    known_field AS MATERIALIZED (
        SELECT dataset_id, field FROM node_odds
        UNION
        SELECT upstream_id, upstream_field FROM column_link
        UNION
        SELECT downstream_id, downstream_field FROM column_link WHERE downstream_field IS NOT NULL
        UNION
        SELECT dataset_id, '' FROM place
        UNION
        SELECT question.dataset_id, symptom.field
        FROM question
        CROSS JOIN symptom
    ),
    node_link AS MATERIALIZED (
        FROM store.node_link_of('column_link', 'table_link', 'known_field', 'weight')
    ),
    start AS MATERIALIZED (
        SELECT DISTINCT
            question.dataset_id,
            symptom.field
        FROM question
        CROSS JOIN symptom
        UNION
        SELECT
            question.dataset_id,
            known_field.field
        FROM question
        JOIN known_field USING (dataset_id)
        WHERE NOT question.has_symptom AND (fld IS NULL OR known_field.field = fld)
    ),
    cost AS MATERIALIZED (
        FROM store.easiest_path('start', 'node_link', 'node_odds')
    ),
    support AS MATERIALIZED (
        FROM store.support_of('node_odds', 'node_link', 'cost', 'weight')
    ),
    code AS (
        FROM store.code_change_of('attempt', 'run_near', 'place')
    ),
    schema_step AS MATERIALIZED (
        FROM store.schema_step_of((SELECT list(reach.dataset_id) FROM reach), 'run_near', 'place')
    ),
    stale AS (
        SELECT
            judged.dataset_id,
            count(*) FILTER (judged.now.value = judged.last.value) AS same,
            count(*) FILTER (judged.now.value != judged.last.value) AS other
        FROM judged
        WHERE
            judged.different_numbers >= 0.8 * judged.numbers
            AND judged.numbers >= 4
        GROUP BY judged.dataset_id
    ),
    -- Runs of which the producer could not tell all that they read.
    half_told_run AS MATERIALIZED (
        SELECT DISTINCT facet_near.run_key
        FROM facet_near
        CROSS JOIN asked
        WHERE
            facet_near.entity = 'run'
            AND facet_near.key = 'extractionError'
            AND facet_near.event_time <= asked.moment
    ),
    trouble AS MATERIALIZED (
        SELECT
            place.dataset_id,
            coalesce(place.tried.state = 'FAIL' AND place.written.run_key IS DISTINCT FROM place.tried.run_key, false) AS failed,
            coalesce(place.tried.state = 'ABORT' AND place.written.run_key IS DISTINCT FROM place.tried.run_key, false) AS aborted,
            coalesce(epoch(place.bound - place.tried.started_at) > 0.9 * place.interval, false) AS missing,
            coalesce(stale.other = 0 AND stale.same >= 1, false) AS unchanged,
            coalesce(place.written.run_key IN (SELECT half_told_run.run_key FROM half_told_run), false) AS half_told,
            place.dataset_id IN (SELECT schema_step.dataset_id FROM schema_step WHERE schema_step.change != 'added')
            OR place.dataset_id IN (SELECT node_odds.dataset_id FROM node_odds WHERE node_odds.schema_failing) AS broken
        FROM place
        LEFT JOIN stale USING (dataset_id)
    ),
    held AS MATERIALIZED (
        SELECT
            trouble.dataset_id,
            bool_or(above.failed OR above.aborted OR above.missing) AS upstream_stale,
            bool_or(above.broken) AS upstream_broken,
            bool_or(above.unchanged) AS upstream_unchanged,
            bool_or(below.failed) AS below_failed
        FROM trouble
        LEFT JOIN table_link AS up ON up.downstream_id = trouble.dataset_id
        LEFT JOIN trouble AS above ON above.dataset_id = up.upstream_id
        LEFT JOIN table_link AS down ON down.upstream_id = trouble.dataset_id
        LEFT JOIN trouble AS below ON below.dataset_id = down.downstream_id
        GROUP BY trouble.dataset_id
    ),
    feature AS (
        SELECT
            cost.dataset_id,
            cost.field,
            cost.cost,
            cost.depth,
            cost.path,
            coalesce(node_odds.odds, 0) AS own,
            coalesce(support.gain, 0) AS gain,
            trouble.failed,
            trouble.aborted,
            trouble.missing,
            trouble.unchanged,
            trouble.half_told,
            trouble.broken,
            coalesce(code.version_changed, false) AS version_changed,
            code.sql_changed AS sql_changed,
            schema_step.change AS schema_change,
            coalesce(stale.same, 0) AS same,
            coalesce(node_odds.was_odd, false) AS was_odd,
            node_odds.worst,
            doubt,
            question.has_symptom,
            place.interval,
            own_symptom.check_name IS NOT NULL AS is_symptom,
            coalesce(CASE WHEN node_odds.worst.failed THEN node_odds.worst.measure END, own_symptom.check_name) AS failed_check,
            coalesce(support.relevant_gain, 0) AS relevant_gain,
            support.explained,
            coalesce(held.upstream_stale, false) AS upstream_stale,
            coalesce(held.upstream_broken, false) AS upstream_broken,
            coalesce(held.upstream_unchanged, false) AS upstream_unchanged,
            coalesce(held.below_failed, false) AS below_failed,
            cost.dataset_id IN (SELECT any_odds.dataset_id FROM node_odds AS any_odds) AS monitored,
            place.written,
            place.tried,
            place.bound,
            code.rate AS code_rate
        FROM cost
        JOIN place USING (dataset_id)
        CROSS JOIN doubt
        CROSS JOIN question
        LEFT JOIN node_odds ON node_odds.dataset_id = cost.dataset_id AND node_odds.field = cost.field
        LEFT JOIN (
            SELECT
                symptom.field,
                max(symptom.check_name) AS check_name
            FROM symptom
            GROUP BY symptom.field
        ) AS own_symptom
            ON
                cost.dataset_id = question.dataset_id
                AND own_symptom.field = cost.field
        LEFT JOIN support ON support.dataset_id = cost.dataset_id AND support.field = cost.field
        JOIN code ON code.dataset_id = cost.dataset_id
        LEFT JOIN schema_step ON schema_step.dataset_id = cost.dataset_id AND schema_step.field = cost.field
        LEFT JOIN stale ON stale.dataset_id = cost.dataset_id
        JOIN trouble ON trouble.dataset_id = cost.dataset_id
        LEFT JOIN held ON held.dataset_id = cost.dataset_id
    ),
    candidate_node AS (
        SELECT
            feature.*,
            {
                'failed_check': CASE WHEN feature.own > 0 AND feature.worst.source = 'check' THEN feature.own_share ELSE 0 END,
                'anomaly': CASE WHEN feature.own > 0 AND feature.worst.source != 'check' THEN feature.own_share ELSE 0 END,
                'passed_check': least(feature.own_share, 0),
                'explains': weight.explains * feature.relevant_gain + weight.explains_aside * feature.gain,
                'path': -weight.path * feature.cost,
                'run_failed': CASE
                    WHEN feature.failed AND NOT feature.upstream_broken THEN weight.run_failed
                    ELSE 0
                END,
                'run_aborted': CASE
                    WHEN feature.aborted AND NOT feature.upstream_stale THEN weight.run_aborted
                    ELSE 0
                END,
                'run_missing': CASE
                    WHEN feature.missing AND NOT feature.upstream_stale THEN weight.run_missing
                    ELSE 0
                END,
                'code_changed': CASE
                    WHEN feature.version_changed AND coalesce(feature.sql_changed, true)
                        THEN weight.code_changed * ln(1 + 0.2 / feature.code_rate)
                    ELSE 0
                END,
                'schema_changed': CASE WHEN feature.broken THEN weight.schema_changed ELSE 0 END,
                'field_changed': CASE
                    WHEN feature.schema_change IN ('removed', 'type_changed') THEN weight.field_changed
                    ELSE 0
                END,
                'schema_broke_run': CASE
                    WHEN feature.broken AND feature.below_failed THEN weight.schema_broke_run
                    ELSE 0
                END,
                'unchanged': CASE
                    WHEN NOT feature.unchanged OR feature.upstream_unchanged THEN 0
                    WHEN feature.same > 1 THEN weight.unchanged
                    ELSE weight.unchanged / 2
                END,
                'lineage_incomplete': CASE WHEN feature.half_told THEN weight.lineage_incomplete ELSE 0 END
            } AS parts
        FROM (
            SELECT
                feature.*,
                (feature.own - ln(weight.elsewhere * exp(feature.own) + 1 - weight.elsewhere))
                * CASE WHEN feature.own > 0 AND feature.was_odd THEN weight.not_new ELSE 1 END AS own_share
            FROM feature
            CROSS JOIN weight
        ) AS feature
        CROSS JOIN weight
    ),
    candidate AS MATERIALIZED (
        SELECT
            candidate_node.*,
            list_sum(map_values(candidate_node.parts::MAP(VARCHAR, DOUBLE))) AS log_odds
        FROM candidate_node
        QUALIFY row_number() OVER (
            PARTITION BY candidate_node.dataset_id
            ORDER BY
                list_sum(map_values(candidate_node.parts::MAP(VARCHAR, DOUBLE))) DESC,
                candidate_node.field
        ) = 1
    ),
    -- How sure it is that there is anything to explain, beside how well the best candidate explains it.
    verdict AS MATERIALIZED (
        SELECT
            max(candidate.log_odds) AS best,
            ln(greatest(count(*), 1)) AS crowd,
            any_value(
                CASE
                    WHEN NOT candidate.has_symptom THEN weight.unreported
                    ELSE
                        CASE
                            WHEN candidate.doubt.others > 0 THEN weight.symptom_confirmed
                            ELSE weight.symptom_doubted
                        END * candidate.doubt.others
                        + CASE WHEN candidate.doubt.z < 3 THEN weight.usual_value ELSE 0 END
                END
            ) AS doubt,
            sum(exp(candidate.log_odds - 5)) AS total,
            any_value(weight.no_cause) AS no_cause
        FROM candidate
        CROSS JOIN weight
    ),
    first_bad AS (
        FROM store.first_bad_of('candidate', 'result', 'place', 'attempt')
    ),
    named_path AS (
        SELECT
            step.dataset_id,
            list(dataset.name ORDER BY step.place) AS names
        FROM (
            SELECT
                candidate.dataset_id,
                unnest(candidate.path) AS step_id,
                generate_subscripts(candidate.path, 1) AS place
            FROM candidate
        ) AS step
        JOIN store.dataset ON dataset.dataset_id = step.step_id
        GROUP BY step.dataset_id
    ),
    explained_name AS (
        SELECT
            part.dataset_id,
            list(dataset.name ORDER BY part.place) AS names
        FROM (
            SELECT
                candidate.dataset_id,
                unnest(candidate.explained) AS odd_id,
                generate_subscripts(candidate.explained, 1) AS place
            FROM candidate
        ) AS part
        JOIN store.dataset ON dataset.dataset_id = part.odd_id
        GROUP BY part.dataset_id
    ),
    lost_field AS (
        SELECT
            schema_step.dataset_id,
            min(schema_step.field) AS field,
            list(schema_step.field || ' ' || replace(schema_step.change, '_', ' ') ORDER BY schema_step.field) AS changes
        FROM schema_step
        WHERE schema_step.change != 'added'
        GROUP BY schema_step.dataset_id
    ),
    answer AS (
        SELECT
            candidate.*,
            exp(candidate.log_odds - 5) / (
                verdict.total + exp(verdict.no_cause + verdict.crowd - verdict.doubt - 5)
            ) AS score,
            -- What says most about the candidate itself.
            CASE
                WHEN candidate.parts.run_failed > 0 THEN 'run_failed'
                WHEN candidate.parts.run_missing > 0 THEN 'run_missing'
                WHEN candidate.parts.schema_broke_run > 0 OR candidate.parts.field_changed > 0 THEN 'schema_changed'
                WHEN candidate.worst.failed AND (candidate.own > 0.7 OR candidate.depth = 0) THEN 'failed_check'
                WHEN candidate.depth = 0 AND candidate.is_symptom THEN 'failed_check'
                WHEN candidate.parts.code_changed > 0 THEN 'code_changed'
                WHEN candidate.parts.unchanged > 0 THEN 'unchanged'
                WHEN candidate.own > 0.7 THEN 'anomaly'
                WHEN candidate.parts.schema_changed > 0 THEN 'schema_changed'
                WHEN candidate.parts.run_aborted > 0 THEN 'run_aborted'
                WHEN candidate.parts.lineage_incomplete > 0 THEN 'lineage_incomplete'
                WHEN NOT candidate.monitored THEN 'unmonitored'
                ELSE 'upstream'
            END AS kind,
            verdict.doubt
        FROM candidate
        CROSS JOIN verdict
        WHERE verdict.best - verdict.crowd + verdict.doubt >= verdict.no_cause
    ),
    told AS MATERIALIZED (
        SELECT
            answer.*,
            dataset.namespace,
            dataset.name,
            named_path.names AS path_names,
            explained_name.names AS explained_names,
            CASE
                WHEN answer.kind IN ('run_failed', 'run_aborted', 'run_missing') THEN NULL
                WHEN answer.kind = 'schema_changed' THEN coalesce(lost_field.field, nullif(answer.field, ''))
                ELSE nullif(answer.field, '')
            END AS told_field,
            CASE
                WHEN answer.kind IN ('run_failed', 'run_aborted') THEN answer.tried.run_key
                WHEN answer.kind = 'run_missing' THEN NULL
                ELSE coalesce(first_bad.written.run_key, answer.written.run_key)
            END AS run_key,
            coalesce(answer.tried.job_id, answer.written.job_id) AS job_id,
            CASE
                WHEN answer.kind IN ('run_failed', 'run_aborted') THEN coalesce(answer.tried.ended_at, answer.tried.started_at)
                WHEN answer.kind = 'run_missing' THEN answer.tried.started_at + to_seconds(answer.interval)
                ELSE coalesce(first_bad.written.written_at, first_bad.failed_at, answer.written.written_at, answer.bound)
            END AS bad_since,
            lost_field.changes,
            asked.moment
        FROM answer
        CROSS JOIN asked
        JOIN store.dataset ON dataset.dataset_id = answer.dataset_id
        JOIN named_path ON named_path.dataset_id = answer.dataset_id
        LEFT JOIN explained_name ON explained_name.dataset_id = answer.dataset_id
        LEFT JOIN first_bad ON first_bad.dataset_id = answer.dataset_id
        LEFT JOIN lost_field ON lost_field.dataset_id = answer.dataset_id
    ),
    told_run AS (
        SELECT
            run_near.run_key,
            any_value(run_near.run_id) AS run_id,
            max(run_near.error) AS error
        FROM run_near
        SEMI JOIN told ON told.run_key = run_near.run_key
        GROUP BY run_near.run_key
    )
SELECT
    row_number() OVER (ORDER BY told.log_odds DESC, told.depth DESC, told.namespace, told.name) AS rank,
    round(told.score, 4) AS score,
    told.kind,
    told.namespace,
    told.name,
    told.told_field AS field,
    job.namespace AS job_namespace,
    job.name AS job_name,
    run.run_id,
    told.bad_since,
    told.depth,
    told.path_names AS path,
    CASE told.kind
        WHEN 'run_failed' THEN format(
            '{} failed at {}{}, so {} was not written',
            job.name,
            strftime(told.bad_since AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC'),
            CASE WHEN run.error.event_time <= told.moment THEN format(' ({})', run.error.message) ELSE '' END,
            told.name
        )
        WHEN 'run_aborted' THEN format(
            '{} was aborted at {}, so {} was not written',
            job.name,
            strftime(told.bad_since AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC'),
            told.name
        )
        WHEN 'run_missing' THEN format(
            '{} was due at about {} and did not run, so {} was not written',
            job.name,
            strftime(told.bad_since AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC'),
            told.name
        )
        WHEN 'failed_check' THEN format(
            '{} has failed {} since {}',
            told.name,
            CASE
                WHEN told.told_field IS NULL OR contains(told.failed_check, told.told_field) THEN told.failed_check
                ELSE format('{}({})', told.failed_check, told.told_field)
            END,
            coalesce(strftime(told.bad_since AT TIME ZONE 'UTC', 'the load of %Y-%m-%d %H:%M UTC'), 'it is known')
        )
        WHEN 'schema_changed' THEN format(
            'the schema of {} changed ({}) by {}',
            told.name,
            coalesce(array_to_string(told.changes, ', '), told.worst.measure),
            coalesce(strftime(told.bad_since AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC'), 'then')
        )
        WHEN 'code_changed' THEN format(
            '{} ran new code when it wrote {} at {}',
            job.name,
            told.name,
            strftime(told.bad_since AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC')
        )
        WHEN 'unchanged' THEN format(
            'the numbers of {} differ with every load, and at {} they did not',
            told.name,
            coalesce(strftime(told.bad_since AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC'), 'the last')
        )
        WHEN 'anomaly' THEN format(
            '{} of {} was {:.4g} at {}, usually it is about {:.4g}',
            told.worst.measure,
            CASE WHEN told.field = '' THEN told.name ELSE told.name || '.' || told.field END,
            told.worst.value,
            coalesce(strftime(told.bad_since AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC'), 'the last load'),
            told.worst.middle
        )
        WHEN 'lineage_incomplete' THEN format(
            'it is not known what else {} read when it wrote {} at {}',
            job.name,
            told.name,
            strftime(told.bad_since AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC')
        )
        WHEN 'unmonitored' THEN format('nothing checks {}', told.name)
        ELSE format('{} is upstream, and nothing speaks against it or for it', told.name)
    END
    || CASE
        WHEN len(told.explained_names) > 0
            THEN format('; what is odd in {} would follow from it', array_to_string(told.explained_names[:3], ', '))
        ELSE ''
    END
    || CASE
        WHEN told.depth = 1 THEN format('; {} was built from it', told.path_names[2])
        WHEN told.depth > 1
            THEN format(
                '; {} and {} were built from it',
                array_to_string(told.path_names[2:-2], ', '),
                told.path_names[-1]
            )
        ELSE ''
    END AS evidence,
    to_json(
        {
            'log_odds': told.log_odds,
            'parts': told.parts,
            'symptom': told.doubt,
            'asked_without_failing_check': NOT told.has_symptom,
            'explains': told.explained_names,
            'schema_changes': told.changes,
            'read_at': told.bound
        }
    ) AS evidence_detail
FROM told
LEFT JOIN store.job ON job.job_id = told.job_id
LEFT JOIN told_run AS run ON run.run_key = told.run_key
WHERE told.score >= 0.0005
ORDER BY rank;

COMMENT ON MACRO TABLE root_cause IS
    'Ranked candidates for what broke a dataset; none if nothing explains it. FROM root_cause(''ns'', ''ds'', fld := ''column'', check_name := ''check'', as_of := now()).';
