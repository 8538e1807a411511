-- Shapes that are new.
INSERT INTO store.shape
SELECT batch.*
FROM batch_shape AS batch
ANTI JOIN store.shape USING (shape_id);
