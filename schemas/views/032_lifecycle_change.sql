-- What happened to datasets as such: created, altered, overwritten, truncated, renamed, dropped. A run that failed did nothing.
CREATE VIEW store.lifecycle_change AS
SELECT
    facet.dataset_id,
    facet.run_key,
    facet.job_id,
    facet.event_time,
    facet.event_id,
    -- NULL: a tombstone took back what was said.
    CASE WHEN NOT facet.deleted THEN upper(facet.body ->> '$.lifecycleStateChange') END AS change,
    facet.body ->> '$.previousIdentifier.namespace' AS previous_namespace,
    facet.body ->> '$.previousIdentifier.name' AS previous_name
FROM store.passing_facet_in_force AS facet
LEFT JOIN store.run USING (run_key)
WHERE
    facet.key = 'lifecycleStateChange'
    AND coalesce(run.state.name, '') NOT IN ('FAIL', 'ABORT');
