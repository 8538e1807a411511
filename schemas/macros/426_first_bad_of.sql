-- The first version that was bad: the one that the first failure since the check last passed has judged. The parameters are the
-- names of tables.
CREATE MACRO store.first_bad_of(candidates, results, places, attempts) AS TABLE
WITH
    streak AS (
        SELECT
            candidate.dataset_id,
            min(own.executed_at) FILTER (own.failed AND (own.passed_at IS NULL OR own.executed_at > own.passed_at))
                AS failed_at
        FROM query_table(candidates) AS candidate
        JOIN (
            SELECT
                result.*,
                max(result.executed_at) FILTER (NOT result.failed) OVER (
                    PARTITION BY result.dataset_id, result.check_name, result.field
                ) AS passed_at
            FROM query_table(results) AS result
            JOIN query_table(places) AS place USING (dataset_id)
            WHERE result.executed_at < place.until_at
        ) AS own
            ON
                own.dataset_id = candidate.dataset_id
                AND own.field = candidate.field
                AND own.check_name = candidate.failed_check
        GROUP BY candidate.dataset_id
    )
SELECT
    streak.dataset_id,
    any_value(streak.failed_at) AS failed_at,
    max({'written_at': attempt.ended_at, 'run_key': attempt.run_key, 'job_id': attempt.job_id}) AS written
FROM streak
LEFT JOIN query_table(attempts) AS attempt
    ON
        attempt.dataset_id = streak.dataset_id
        AND attempt.wrote
        AND attempt.ended_at <= streak.failed_at
WHERE streak.failed_at IS NOT NULL
GROUP BY streak.dataset_id;
