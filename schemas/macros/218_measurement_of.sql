-- Facets that hold what was checked or measured: the newest of each key that a run gave a dataset, or that it gave itself.
--
-- A run checks once, however many of its events say so, and the last word counts, whether or not the run ever ended. What
-- has no run, and a streaming run, which may go on for years, checks anew with each event: the occasion tells those apart.
--
-- "facets" is the name of a table like store.dataset_facet_of(…).
CREATE MACRO store.measurement_of(facets) AS TABLE
WITH
    streaming_run AS (
        SELECT run.run_key
        FROM store.run
        JOIN store.lineage USING (lineage_id)
        WHERE lineage.streaming
        GROUP BY run.run_key
    )
SELECT
    passing_facet.key,
    passing_facet.run_key,
    passing_facet.entity,
    passing_facet.direction,
    passing_facet.dataset_id,
    passing_facet.job_id,
    CASE
        WHEN passing_facet.run_key IS NULL OR streaming_run.run_key IS NOT NULL THEN passing_facet.event_id
    END AS occasion,
    max(
        {
            'event_time': passing_facet.event_time,
            'event_id': passing_facet.event_id,
            'document_id': passing_facet.document_id
        }
    ) AS newest
FROM query_table(facets) AS passing_facet
LEFT JOIN streaming_run USING (run_key)
WHERE
    passing_facet.key IN (
        'dataQuality', 'dataQualityAssertions', 'dataQualityMetrics', 'greatExpectations_assertions', 'test'
    )
GROUP BY ALL;
