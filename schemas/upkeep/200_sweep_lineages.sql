-- Any lineage may have lost its last run or declaration: schemas/writes/165_lineage_shape.sql takes away those that did.
CREATE OR REPLACE TEMP TABLE outgrown AS
SELECT lineage_id
FROM store.lineage;
