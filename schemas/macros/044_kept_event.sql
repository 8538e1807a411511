-- Events of some rows of the table, whole: the skeleton is cut at the marks, and every second piece is the id of a facet's
-- document. A range of rows lets a reader take them in turn.
CREATE MACRO store.kept_event(first_row, last_row) AS TABLE
WITH
    kept AS (
        SELECT *
        FROM store.event
        WHERE event.rowid BETWEEN first_row AND last_row
    ),
    cut AS (
        SELECT
            kept.event_id,
            unnest(string_split(kept.skeleton, chr(1))) AS text,
            generate_subscripts(string_split(kept.skeleton, chr(1)), 1) AS ordinal
        FROM kept
    ),
    piece AS (
        SELECT
            cut.event_id,
            cut.text,
            cut.ordinal,
            CASE WHEN cut.ordinal % 2 = 0 THEN try_cast(cut.text AS UUID) END AS document_id
        FROM cut
    ),
    whole AS (
        SELECT
            piece.event_id,
            string_agg(coalesce(document.body, piece.text), '' ORDER BY piece.ordinal) AS body
        FROM piece
        LEFT JOIN store.document USING (document_id)
        GROUP BY piece.event_id
    )
SELECT
    kept.event_id,
    kept.topic,
    kept.partition,
    kept.source_offset,
    kept.element,
    kept.received_at,
    whole.body
FROM kept
JOIN whole USING (event_id);
