-- What happened to datasets as such: created, altered, overwritten, truncated, renamed, dropped. A run that failed did nothing.
CREATE VIEW store.lifecycle_change AS
WITH
    facet AS MATERIALIZED (
        SELECT
            dataset.canonical_id AS dataset_id,
            lifecycle_facet.run_key,
            lifecycle_facet.job_id,
            max(
                {
                    'event_time': lifecycle_facet.event_time,
                    'event_id': lifecycle_facet.event_id,
                    'document_id': lifecycle_facet.document_id
                }
            ) AS newest
        FROM store.lifecycle_facet
        JOIN store.dataset USING (dataset_id)
        GROUP BY
            dataset.canonical_id,
            lifecycle_facet.run_key,
            lifecycle_facet.job_id,
            lifecycle_facet.entity,
            lifecycle_facet.direction
    ),
    -- Looked up by themselves, for these are few: a join with all documents and runs would read them all.
    document AS MATERIALIZED (
        SELECT
            document.document_id,
            document.deleted,
            document.body::JSON AS body
        FROM store.document
        SEMI JOIN facet ON facet.newest.document_id = document.document_id
    ),
    failed_run AS MATERIALIZED (
        SELECT run.run_key
        FROM store.run
        SEMI JOIN facet ON facet.run_key = run.run_key
        WHERE run.state.name IN ('FAIL', 'ABORT')
    )
SELECT
    facet.dataset_id,
    facet.run_key,
    facet.job_id,
    facet.newest.event_time AS event_time,
    facet.newest.event_id AS event_id,
    -- NULL: a tombstone took back what was said.
    CASE WHEN NOT document.deleted THEN upper(document.body ->> '$.lifecycleStateChange') END AS change,
    document.body ->> '$.previousIdentifier.namespace' AS previous_namespace,
    document.body ->> '$.previousIdentifier.name' AS previous_name
FROM facet
JOIN document ON document.document_id = facet.newest.document_id
ANTI JOIN failed_run USING (run_key);
