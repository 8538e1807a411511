-- Failures of checks, each with the incident that it belongs to: failures of one cause that overlap in time, or that come
-- back so soon that it is the same incident.
--
-- An incident is known by its earliest failure. What it is put down to may change when something further upstream comes to
-- light; its id then stays the same, unless that failed earlier still.
CREATE VIEW store.incident_episode AS
WITH
    rule AS (
        SELECT to_seconds(coalesce(max(incident_rule).reopens_within_seconds, 3600)) AS reopens_within
        FROM (
            SELECT {'set_at': set_at, 'reopens_within_seconds': reopens_within_seconds} AS incident_rule
            FROM store.incident_rule
        )
    ),
    marked AS (
        SELECT
            incident_cause.*,
            incident_cause.first_failed_at - rule.reopens_within > max(
                coalesce(incident_cause.passed_at, 'infinity'::TIMESTAMPTZ)
            ) OVER (
                PARTITION BY incident_cause.cause_id
                ORDER BY incident_cause.first_failed_at
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS is_new
        FROM store.incident_cause
        CROSS JOIN rule
    ),
    numbered AS MATERIALIZED (
        SELECT
            * EXCLUDE (is_new),
            count(*) FILTER (marked.is_new) OVER (
                PARTITION BY marked.cause_id
                ORDER BY marked.first_failed_at
            ) AS number
        FROM marked
    ),
    named AS (
        SELECT
            numbered.cause_id,
            numbered.number,
            min(
                {
                    'first_failed_at': epoch_us(numbered.first_failed_at),
                    'namespace': numbered.namespace,
                    'name': numbered.name,
                    'field': numbered.field,
                    'check_name': numbered.check_name,
                    'tool': numbered.tool
                }
            ) AS earliest,
            -- Of what it was put down to, too: in a circle, or when one cause follows the other, that may be several.
            min(
                {
                    'first_failed_at': numbered.first_failed_at,
                    'namespace': numbered.cause_namespace,
                    'name': numbered.cause_name
                }
            ) AS cause
        FROM numbered
        GROUP BY
            numbered.cause_id,
            numbered.number
    )
SELECT
    numbered.* EXCLUDE (cause_id, number, cause_namespace, cause_name),
    named.cause.namespace AS cause_namespace,
    named.cause.name AS cause_name,
    -- Short enough to type; a million incidents have one chance in three hundred that two share it.
    left(md5(to_json(named.earliest)), 12) AS incident_id
FROM numbered
JOIN named USING (cause_id, number);
