-- Takes away shapes that no event has any more.
CREATE OR REPLACE TEMP TABLE unused_shape AS
SELECT shape.shape_id
FROM store.shape
ANTI JOIN store.shape_seen USING (shape_id);

DELETE FROM store.shape
USING unused_shape
WHERE shape.shape_id = unused_shape.shape_id;

DELETE FROM store.shape_dataset
USING unused_shape
WHERE shape_dataset.shape_id = unused_shape.shape_id;

DELETE FROM store.shape_facet
USING unused_shape
WHERE shape_facet.shape_id = unused_shape.shape_id;
