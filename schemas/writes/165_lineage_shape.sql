-- A run that goes on for days may name another dataset with each event, and would leave a lineage of all that it had before
-- each time. Those of many shapes go as soon as nobody has them any more; the short ones are shared, and come back.

-- Only if there is any outgrown:
CREATE OR REPLACE TEMP TABLE unused_lineage AS
SELECT outgrown.lineage_id
FROM outgrown
ANTI JOIN store.run USING (lineage_id)
ANTI JOIN store.run_job USING (lineage_id)
ANTI JOIN store.declaration USING (lineage_id);

DELETE FROM store.lineage
USING unused_lineage
WHERE lineage.lineage_id = unused_lineage.lineage_id;

DELETE FROM store.lineage_shape
USING unused_lineage
WHERE lineage_shape.lineage_id = unused_lineage.lineage_id;

DELETE FROM store.lineage_edge
USING unused_lineage
WHERE lineage_edge.lineage_id = unused_lineage.lineage_id;

DELETE FROM store.lineage_column
USING unused_lineage
WHERE lineage_column.lineage_id = unused_lineage.lineage_id;

DELETE FROM store.lineage_explicit
USING unused_lineage
WHERE lineage_explicit.lineage_id = unused_lineage.lineage_id;
