-- Lasting facets that hold now: the newest of each key of each job and dataset, under
-- whichever of its names it came. A dataset_id is that of the canonical name, here and in all views above.
CREATE VIEW store.facet_in_force AS
WITH
    newest AS (
        SELECT
            CASE WHEN shape_facet.dataset_id IS NULL THEN shape.job_id END AS job_id,
            dataset.canonical_id AS dataset_id,
            shape_facet.key,
            max(
                {
                    'event_time': shape_seen.newest.event_time,
                    'event_id': shape_seen.newest.event_id,
                    'document_id': shape_facet.document_id
                }
            ) AS winner
        FROM store.shape_facet
        JOIN store.shape USING (shape_id)
        JOIN store.shape_seen USING (shape_id)
        LEFT JOIN store.dataset USING (dataset_id)
        GROUP BY ALL
    )
SELECT
    newest.job_id,
    newest.dataset_id,
    newest.key,
    newest.winner.event_time AS event_time,
    newest.winner.event_id AS event_id,
    newest.winner.document_id AS document_id,
    document.body::JSON AS body
FROM newest
JOIN store.document ON document.document_id = newest.winner.document_id
WHERE NOT document.deleted;
