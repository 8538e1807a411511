-- Each series of observations compared with its own past: how odd is what is there now, in log odds that it is broken? The
-- parameters are the names of tables.
CREATE MACRO store.judged_of(observations, weights) AS TABLE
WITH
    series AS (
        SELECT
            observation.dataset_id,
            observation.field,
            observation.measure,
            observation.source,
            bool_or(observation.is_symptom) AS is_symptom,
            max({'at': observation.observed_at, 'value': observation.value, 'failed': observation.failed})
                FILTER (observation.is_current) AS now,
            count(*) FILTER (observation.is_past) AS times,
            count(observation.value) FILTER (observation.is_past) AS numbers,
            count(*) FILTER (observation.is_past AND observation.failed) AS failures,
            max({'at': observation.observed_at, 'failed': observation.failed, 'value': observation.value})
                FILTER (observation.is_past) AS last,
            median(observation.value) FILTER (observation.is_past) AS middle,
            mad(observation.value) FILTER (observation.is_past) AS spread,
            count(DISTINCT observation.value) FILTER (observation.is_past) AS different_numbers
        FROM query_table(observations) AS observation
        WHERE observation.is_current OR observation.is_past
        GROUP BY
            observation.dataset_id,
            observation.field,
            observation.measure,
            observation.source
        HAVING count(*) FILTER (observation.is_current) > 0
    ),
    signal AS MATERIALIZED (
        SELECT
            series.*,
            CASE
                -- Fewer say nothing about what is usual.
                WHEN series.numbers >= 4 AND series.now.value IS NOT NULL
                    THEN least(
                        abs(series.now.value - series.middle)
                        / greatest(1.4826 * series.spread, 0.02 * abs(series.middle), 1e-6),
                        30
                    )
            END AS z,
            CASE
                WHEN series.numbers >= 4 AND series.last.value IS NOT NULL
                    THEN abs(series.last.value - series.middle)
                    / greatest(1.4826 * series.spread, 0.02 * abs(series.middle), 1e-6)
            END AS last_z,
            (series.failures + 0.2) / (series.times + 10) AS failure_rate
        FROM series
    ),
    signal_odds AS MATERIALIZED (
        SELECT
            signal.*,
            -- Sound data varies as Student's t of 3, broken data ten times as much; and half of what breaks a dataset does
            -- not show in any one number.
            CASE
                WHEN signal.z IS NOT NULL
                    THEN ln(
                        0.5 + 0.5 * least(0.1 * pow((3 + signal.z * signal.z) / (3 + signal.z * signal.z / 100), 2), 60)
                    )
            END AS z_odds
        FROM signal
    )
SELECT
    telling.* EXCLUDE (z_odds, said),
    telling.said * CASE
        WHEN telling.source != 'check' THEN weight.anomaly
        WHEN telling.said > 0 THEN weight.failed_check
        ELSE weight.passed_check
    END AS odds
FROM (
    SELECT
        signal_odds.*,
        CASE
            -- It failed though it found what it always finds: a limit moved, not the data.
            WHEN signal_odds.now.failed AND signal_odds.z < 3 THEN 0.3
            WHEN signal_odds.now.failed THEN least(ln(0.5 / signal_odds.failure_rate), 4)
            WHEN signal_odds.source = 'check' THEN coalesce(signal_odds.z_odds, -0.4)
            ELSE coalesce(signal_odds.z_odds, 0)
        END AS said
    FROM signal_odds
) AS telling
CROSS JOIN query_table(weights) AS weight;
