-- The lineages that straddling runs had at a moment and that the store does not keep: most were never worked out, because
-- the events of the run came together. "straddlers" is the name of the table of straddling_run(ts).
CREATE MACRO store.passing_shape(straddlers) AS TABLE
WITH
    passing AS (
        SELECT DISTINCT
            straddler.lineage_id,
            straddler.shapes
        FROM query_table(straddlers) AS straddler
        ANTI JOIN store.lineage ON lineage.lineage_id = straddler.lineage_id
    )
SELECT
    passing.lineage_id,
    unnest(passing.shapes) AS shape_id,
    generate_subscripts(passing.shapes, 1) AS ordinal
FROM passing;
