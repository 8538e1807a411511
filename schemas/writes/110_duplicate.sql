-- Records whose event was there already. The same record read again (a replay) is not a duplicate: it has the same place.
CREATE OR REPLACE TEMP TABLE repeated AS
SELECT
    event_id,
    event_time,
    topic,
    partition,
    source_offset,
    element,
    received_at
FROM batch_event
ANTI JOIN new_event USING (event_id)
UNION ALL BY NAME
FROM batch_duplicate;

-- Only if there is any repeated:
INSERT INTO store.duplicate BY NAME
SELECT repeated.* EXCLUDE (event_time)
FROM repeated
ANTI JOIN store.event USING (event_time, event_id, topic, partition, source_offset, element)
ANTI JOIN store.duplicate USING (event_id, topic, partition, source_offset, element);
