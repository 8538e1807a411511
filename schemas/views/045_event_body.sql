-- The JSON of each event, put together again: its skeleton is cut at the marks, and every second piece is the id of a facet's
-- document.
CREATE VIEW store.event_body AS
WITH
    cut AS (
        SELECT
            event_id,
            unnest(string_split(skeleton, chr(1))) AS text,
            generate_subscripts(string_split(skeleton, chr(1)), 1) AS ordinal
        FROM store.event
    ),
    piece AS (
        SELECT
            event_id,
            text,
            ordinal,
            CASE WHEN ordinal % 2 = 0 THEN try_cast(text AS UUID) END AS document_id
        FROM cut
    )
SELECT
    piece.event_id,
    string_agg(coalesce(document.body, piece.text), '' ORDER BY piece.ordinal)::JSON AS body
FROM piece
LEFT JOIN store.document USING (document_id)
GROUP BY piece.event_id;
