-- How far each partition is folded: the last write of the transaction, and the first thing read after a restart.
MERGE INTO store.kafka_offset AS known
USING batch_kafka_offset AS batch
    ON known.topic = batch.topic AND known.partition = batch.partition
WHEN MATCHED THEN UPDATE SET
    next_offset = batch.next_offset,
    end_offset = coalesce(batch.end_offset, known.end_offset),
    log_id = coalesce(batch.log_id, known.log_id),
    tombstones = known.tombstones + batch.tombstones,
    updated_at = batch.updated_at
WHEN NOT MATCHED THEN INSERT BY NAME;
