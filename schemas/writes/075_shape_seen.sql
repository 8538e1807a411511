-- When shapes were seen first and last: a row for each batch that has them, of which the least and the greatest count. To keep
-- one row for each shape would write most of the table anew with every batch.
INSERT INTO store.shape_seen
SELECT batch.*
FROM batch_shape_seen AS batch;
