-- Which version of each dataset upstream was read for the data in question, and which for the data that was still good: what had
-- last been tried and written by the latest moment that could still matter.
--
-- A run carries only what its inputs already had when it started. The parameters are the names of tables: when the data was bad
-- and good; who tried to write what; which lineage leads where; how often each dataset is written.
CREATE MACRO store.version_read(questions, attempts, edges, rhythms) AS TABLE
WITH RECURSIVE
    walk(side, dataset_id, bound) USING KEY (side, dataset_id) AS (
        SELECT
            'bad',
            question.dataset_id,
            question.bad_at
        FROM query_table(questions) AS question
        UNION ALL
        SELECT
            'good',
            question.dataset_id,
            question.good_at
        FROM query_table(questions) AS question
        WHERE question.good_at IS NOT NULL
        UNION
        SELECT
            version.side,
            reach_edge.upstream_id,
            max(version.read_at)
        FROM (
            SELECT
                walk.side,
                walk.dataset_id,
                max({'started_at': attempt.started_at, 'lineage_id': attempt.lineage_id}).lineage_id AS lineage_id,
                -- A run that was due and did not come would have read what was there now.
                CASE
                    WHEN epoch(walk.bound - max(attempt.started_at)) <= 0.9 * coalesce(any_value(rhythm.interval), 'infinity')
                        THEN max(attempt.started_at)
                    ELSE walk.bound
                END AS read_at
            FROM walk
            LEFT JOIN query_table(attempts) AS attempt
                ON
                    attempt.dataset_id = walk.dataset_id
                    AND coalesce(attempt.ended_at, attempt.started_at) <= walk.bound
            LEFT JOIN query_table(rhythms) AS rhythm ON rhythm.dataset_id = walk.dataset_id
            GROUP BY
                walk.side,
                walk.dataset_id,
                walk.bound
        ) AS version
        JOIN query_table(edges) AS reach_edge
            ON
                reach_edge.downstream_id = version.dataset_id
                AND (reach_edge.lineage_id IS NULL OR reach_edge.lineage_id = version.lineage_id)
        LEFT JOIN recurring.walk AS seen
            ON
                seen.side = version.side
                AND seen.dataset_id = reach_edge.upstream_id
        GROUP BY
            version.side,
            reach_edge.upstream_id
        HAVING max(version.read_at) > coalesce(any_value(seen.bound), TIMESTAMPTZ '-infinity')
    )
SELECT
    walk.side,
    walk.dataset_id,
    walk.bound,
    max(
        {
            'started_at': attempt.started_at,
            'run_key': attempt.run_key,
            'lineage_id': attempt.lineage_id,
            'job_id': attempt.job_id,
            'state': attempt.state,
            'ended_at': attempt.ended_at
        }
    ) FILTER (coalesce(attempt.ended_at, attempt.started_at) <= walk.bound) AS tried,
    max(
        {
            'written_at': attempt.ended_at,
            'run_key': attempt.run_key,
            'lineage_id': attempt.lineage_id,
            'job_id': attempt.job_id
        }
    ) FILTER (attempt.wrote AND attempt.ended_at <= walk.bound) AS written,
    min(attempt.ended_at) FILTER (attempt.wrote AND attempt.ended_at > walk.bound) AS next_at
FROM walk
LEFT JOIN query_table(attempts) AS attempt ON attempt.dataset_id = walk.dataset_id
GROUP BY
    walk.side,
    walk.dataset_id,
    walk.bound;
