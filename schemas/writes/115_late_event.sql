-- Events of runs that were forgotten, which are not folded.
INSERT INTO store.late_event BY NAME
SELECT batch.*
FROM batch_late_event AS batch
ANTI JOIN store.late_event USING (event_id, topic, partition, source_offset, element);
