-- The lasting facets of new shapes.
INSERT INTO store.shape_facet
SELECT batch.*
FROM batch_shape_facet AS batch
ANTI JOIN store.shape_facet USING (shape_id);
