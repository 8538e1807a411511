-- How far each partition is folded.
CREATE VIEW kafka_offset AS
SELECT
    topic,
    partition,
    next_offset,
    end_offset,
    greatest(end_offset - next_offset, 0) AS lag,
    updated_at,
    tombstones
FROM store.kafka_offset;

COMMENT ON VIEW kafka_offset IS 'How far each partition is folded.';
COMMENT ON COLUMN kafka_offset.topic IS 'Topic.';
COMMENT ON COLUMN kafka_offset.partition IS 'Partition.';
COMMENT ON COLUMN kafka_offset.next_offset IS 'The first offset that is not in the store yet.';
COMMENT ON COLUMN kafka_offset.end_offset IS 'The end of the partition when its last batch was written.';
COMMENT ON COLUMN kafka_offset.lag IS 'Records between the two.';
COMMENT ON COLUMN kafka_offset.updated_at IS 'When its last batch was written.';
COMMENT ON COLUMN kafka_offset.tombstones IS 'Records without a value that were passed over.';
