-- When shapes were seen first and last.
MERGE INTO store.shape_seen AS seen
USING batch_shape_seen AS batch ON seen.shape_id = batch.shape_id
WHEN MATCHED THEN UPDATE SET
    first_seen_at = least(seen.first_seen_at, batch.first_seen_at),
    newest = greatest(seen.newest, batch.newest)
WHEN NOT MATCHED THEN INSERT BY NAME;
