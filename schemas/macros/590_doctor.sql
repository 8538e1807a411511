-- What the store noticed that somebody should know.
--
-- Nothing here asks the clock: a run is late by the newest event of all.
CREATE MACRO doctor(stale_hours := 24) AS TABLE
WITH
    -- All facets are gone through once; their bodies are not asked for.
    said AS MATERIALIZED (
        SELECT
            facet.entity,
            facet.key,
            facet.run_id,
            facet.producer,
            facet.problem
        FROM facet
    ),
    -- A producer is a URL that has the version in the middle.
    producer AS (
        SELECT
            regexp_replace(run.producer, '/(tree|blob)/([A-Za-z-]+/)?[^/]*[0-9][^/]*', '') AS name,
            nullif(regexp_extract(run.producer, '/(tree|blob)/([A-Za-z-]+/)?([^/]*[0-9][^/]*)', 3), '') AS version
        FROM run
        WHERE run.producer IS NOT NULL
    ),
    named_by_event AS (
        SELECT DISTINCT
            dataset.canonical_id
        FROM store.shape_dataset
        JOIN store.dataset ON dataset.dataset_id = shape_dataset.dataset_id
    ),
    described AS (
        SELECT DISTINCT
            field.namespace,
            field.name
        FROM field
    ),
    column_reference AS (
        SELECT
            column_edge.upstream_namespace AS namespace,
            column_edge.upstream_name AS name,
            column_edge.upstream_field AS field
        FROM column_edge
        WHERE column_edge.is_current
        UNION
        SELECT
            column_edge.downstream_namespace,
            column_edge.downstream_name,
            column_edge.downstream_field
        FROM column_edge
        WHERE column_edge.is_current AND column_edge.downstream_field IS NOT NULL
    ),
    moment AS (
        SELECT
            event.topic,
            event.partition,
            event.event_id,
            epoch(event.event_time) - epoch(event.received_at) AS seconds_ahead,
            max(epoch(event.event_time)) OVER (
                PARTITION BY event.topic, event.partition
                ORDER BY event.source_offset, event.element
            ) - epoch(event.event_time) AS seconds_late
        FROM event
    ),
    finding AS (
        SELECT
            'error' AS severity,
            'dead_letter' AS kind,
            dead_letter.reason AS subject,
            count(*) AS count,
            min(concat(dead_letter.topic, ' ', dead_letter.partition, ' ', dead_letter.source_offset, ': ', dead_letter.detail))
                AS example,
            'Look at them with headwater dead-letters; once the producer is mended, replay them.' AS advice
        FROM dead_letter
        GROUP BY dead_letter.reason
        UNION ALL
        SELECT
            'error',
            'gap',
            offset_gap.topic,
            sum(offset_gap.next_offset - offset_gap.first_offset)::BIGINT,
            min(concat('partition ', offset_gap.partition, ' from ', offset_gap.first_offset, ', ', offset_gap.reason)),
            'The broker no longer had these records. Replay a capture of them, and keep topics for longer.'
        FROM offset_gap
        GROUP BY offset_gap.topic
        UNION ALL
        SELECT
            'warning',
            'clock_skew',
            moment.topic,
            count(*),
            concat(
                arg_max(moment.event_id, moment.seconds_ahead),
                ' is ',
                round(max(moment.seconds_ahead))::BIGINT,
                ' seconds ahead'
            ),
            'Events from the future win over those that follow. Set the clock of their producer.'
        FROM moment
        WHERE moment.seconds_ahead > 60
        GROUP BY moment.topic
        UNION ALL
        SELECT
            'info',
            'late_event',
            moment.topic,
            count(*),
            concat(
                arg_max(moment.event_id, moment.seconds_late),
                ' is ',
                round(max(moment.seconds_late))::BIGINT,
                ' seconds behind'
            ),
            'They came more than an hour after newer events of their partition. The store does not mind.'
        FROM moment
        WHERE moment.seconds_late > 3600
        GROUP BY moment.topic
        UNION ALL
        SELECT
            'info',
            'duplicate',
            delivery.topic,
            count(*),
            min(delivery.event_id)::VARCHAR,
            'They came more than once and count once. Producers and topics may do that.'
        FROM delivery
        WHERE delivery.outcome = 'duplicate'
        GROUP BY delivery.topic
        UNION ALL
        SELECT
            'warning',
            'facet_problem',
            concat(said.entity, '.', said.key),
            count(*),
            min(said.problem),
            'What could not be read is left out and still in facet.body. Tell whoever sends it.'
        FROM said
        WHERE said.problem IS NOT NULL
        GROUP BY
            said.entity,
            said.key
        UNION ALL
        SELECT
            'info',
            'unknown_facet',
            concat(said.entity, '.', said.key),
            count(*),
            min(said.producer),
            CASE
                WHEN any_value(elsewhere.entities) IS NULL THEN 'It is kept as JSON in the view facet.'
                ELSE concat('It is kept as JSON in the view facet. The spec has it on: ', any_value(elsewhere.entities), '.')
            END
        FROM said
        ANTI JOIN store.known_facet ON known_facet.entity = said.entity AND known_facet.key = said.key
        LEFT JOIN (
            SELECT
                known_facet.key,
                string_agg(known_facet.entity, ', ' ORDER BY known_facet.entity) AS entities
            FROM store.known_facet
            GROUP BY known_facet.key
        ) AS elsewhere ON elsewhere.key = said.key
        GROUP BY
            said.entity,
            said.key
        UNION ALL
        SELECT
            'warning',
            'extraction_error',
            'runs',
            count(*),
            min(said.run_id),
            'Their producer could not tell all of their lineage: see the view extraction_error.'
        FROM said
        WHERE said.entity = 'run' AND said.key = 'extractionError'
        HAVING count(*) > 0
        UNION ALL
        SELECT
            'info',
            'producer',
            producer.name,
            count(*),
            string_agg(DISTINCT producer.version, ', ' ORDER BY producer.version),
            CASE
                WHEN count(DISTINCT producer.version) > 1
                    THEN 'Several versions send: names of jobs and homes of facets may differ between them.'
                ELSE 'Nothing: these are runs by the producer of their newest event.'
            END
        FROM producer
        GROUP BY producer.name
        UNION ALL
        SELECT
            'warning',
            'orphan_run',
            'runs',
            count(*),
            min(run.run_id),
            'No event of their parent came. Have its producer send to the same topic.'
        FROM run
        ANTI JOIN run AS parent
            ON parent.run_id = run.parent_run_id AND parent.last_event_at IS NOT NULL
        WHERE run.parent_run_id IS NOT NULL
        HAVING count(*) > 0
        UNION ALL
        SELECT
            'warning',
            'endless_run',
            'runs',
            count(*),
            arg_min(unfinished_run.run_id, unfinished_run.last_event_at),
            concat('Nothing came of them for ', stale_hours, ' hours, and no end. Their end may have been lost.')
        FROM unfinished_run
        WHERE
            epoch(unfinished_run.last_event_at)
            < (SELECT max(epoch(newest.last_event_at)) FROM run AS newest) - stale_hours * 3600
        HAVING count(*) > 0
        UNION ALL
        SELECT
            'info',
            'odd_run_id',
            'runs',
            count(*),
            min(run.run_id),
            'The spec wants UUIDs. Ids that are not unique make one run of several.'
        FROM run
        WHERE try_cast(run.run_id AS UUID) IS NULL
        HAVING count(*) > 0
        UNION ALL
        SELECT
            'info',
            'alias',
            'datasets',
            count(*),
            min(
                concat(
                    dataset_alias.alias_name,
                    ' (',
                    dataset_alias.alias_namespace,
                    ') is ',
                    dataset_alias.name,
                    ' (',
                    dataset_alias.namespace,
                    ')'
                )
            ),
            'Symlinks say that these names are one dataset: see the view dataset_alias.'
        FROM dataset_alias
        HAVING count(*) > 0
        UNION ALL
        SELECT
            'warning',
            'empty_name',
            'datasets',
            count(*),
            min(concat('namespace ''', dataset.namespace, ''', name ''', dataset.name, '''')),
            'A dataset without a namespace or a name may stand for several. Tell whoever sends it.'
        FROM dataset
        WHERE dataset.namespace = '' OR dataset.name = ''
        HAVING count(*) > 0
        UNION ALL
        SELECT
            'info',
            'unknown_dataset',
            'datasets',
            count(*),
            min(concat(missing.name, ' (', missing.namespace, ')')),
            'Only column lineage names them, no input or output does. See whether their names are spelt alike.'
        FROM (
            SELECT DISTINCT
                column_reference.namespace,
                column_reference.name
            FROM column_reference
            JOIN store.dataset
                ON dataset.namespace = column_reference.namespace AND dataset.name = column_reference.name
            ANTI JOIN named_by_event ON named_by_event.canonical_id = dataset.canonical_id
        ) AS missing
        HAVING count(*) > 0
        UNION ALL
        SELECT
            'info',
            'unknown_field',
            'fields',
            count(*),
            min(concat(column_reference.field, ' of ', column_reference.name, ' (', column_reference.namespace, ')')),
            'Column lineage names them and the schema of their dataset does not. See whether their names are spelt alike.'
        FROM column_reference
        SEMI JOIN described
            ON described.namespace = column_reference.namespace AND described.name = column_reference.name
        ANTI JOIN field
            ON
                field.namespace = column_reference.namespace
                AND field.name = column_reference.name
                AND field.field = column_reference.field
        HAVING count(*) > 0
    )
SELECT
    finding.severity,
    finding.kind,
    finding.subject,
    finding.count,
    finding.example,
    finding.advice
FROM finding
ORDER BY
    array_position(['error', 'warning', 'info'], finding.severity),
    finding.kind,
    finding.count DESC,
    finding.subject;

COMMENT ON MACRO TABLE doctor IS
    'What the store noticed that somebody should know. FROM doctor(stale_hours := 24): severity, kind, subject, count, example, advice.';
