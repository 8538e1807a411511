-- Facets of single runs and moments, one row for each key: a log keeps every one that came, the newest holds.
CREATE VIEW store.passing_facet_in_force AS
WITH
    newest AS (
        SELECT
            entity,
            run_key,
            direction,
            dataset.canonical_id AS dataset_id,
            job_id,
            key,
            max({'event_time': event_time, 'event_id': event_id, 'document_id': document_id}) AS winner
        FROM store.passing_facet
        LEFT JOIN store.dataset USING (dataset_id)
        GROUP BY ALL
    )
SELECT
    newest.* EXCLUDE (winner),
    newest.winner.event_time AS event_time,
    newest.winner.event_id AS event_id,
    newest.winner.document_id AS document_id,
    document.body::JSON AS body,
    document.deleted
FROM newest
JOIN store.document ON document.document_id = newest.winner.document_id;
