-- What became of every record: applied, duplicate, late or dead letter. Tombstones are only counted, in kafka_offset.
CREATE VIEW delivery AS
SELECT
    topic,
    partition,
    source_offset,
    element,
    'applied' AS outcome,
    event_id,
    received_at
FROM store.event
UNION ALL
SELECT
    topic,
    partition,
    source_offset,
    element,
    'duplicate' AS outcome,
    event_id,
    received_at
FROM store.duplicate
UNION ALL
SELECT
    topic,
    partition,
    source_offset,
    element,
    'late' AS outcome,
    event_id,
    received_at
FROM store.late_event
UNION ALL
SELECT
    topic,
    partition,
    source_offset,
    element,
    'dead_letter' AS outcome,
    NULL AS event_id,
    received_at
FROM store.dead_letter;

COMMENT ON VIEW delivery IS 'What became of every record: applied, duplicate, late or dead_letter. What was forgotten since is only counted, in upkeep.';
COMMENT ON COLUMN delivery.topic IS 'Topic; file:NAME for a file, http:lineage for HTTP.';
COMMENT ON COLUMN delivery.partition IS 'Partition.';
COMMENT ON COLUMN delivery.source_offset IS 'Offset; the line of a file, from 1.';
COMMENT ON COLUMN delivery.element IS 'Place in the record''s JSON array; 0 for a plain event.';
COMMENT ON COLUMN delivery.outcome IS
    'applied: the event was new; duplicate: it was there already; late: its run had been forgotten; dead_letter: it could not be read.';
COMMENT ON COLUMN delivery.event_id IS 'The event; NULL for a dead letter.';
COMMENT ON COLUMN delivery.received_at IS 'When the record was read.';
