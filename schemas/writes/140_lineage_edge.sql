-- What the new lineages say is made from what.

-- Only if there is any new_lineage_shape:
CREATE OR REPLACE TEMP TABLE new_lineage_explicit AS FROM store.lineage_explicit_of('new_lineage_shape');

INSERT INTO store.lineage_explicit BY NAME FROM new_lineage_explicit;

CREATE OR REPLACE TEMP TABLE new_lineage_column AS
FROM store.lineage_column_of('new_lineage_shape', 'new_lineage_explicit');

INSERT INTO store.lineage_column BY NAME FROM new_lineage_column;

INSERT INTO store.lineage_edge BY NAME
FROM store.lineage_edge_of('new_lineage_shape', 'new_lineage_explicit', 'new_lineage_column');
