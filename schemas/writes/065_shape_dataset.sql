-- The datasets of new shapes.
INSERT INTO store.shape_dataset
SELECT batch.*
FROM batch_shape_dataset AS batch
ANTI JOIN store.shape_dataset USING (shape_id);
