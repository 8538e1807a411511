-- Records that could not be read. The same record read again is the same dead letter.
INSERT INTO store.dead_letter BY NAME
SELECT batch.*
FROM batch_dead_letter AS batch
ANTI JOIN store.dead_letter USING (topic, partition, source_offset, element, value);
