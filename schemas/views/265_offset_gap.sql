-- Offsets that were needed and that the broker no longer had.
CREATE VIEW offset_gap AS
SELECT
    topic,
    partition,
    first_offset,
    next_offset,
    reason,
    noticed_at
FROM store.gap;

COMMENT ON VIEW offset_gap IS 'Offsets that were needed and that the broker no longer had.';
COMMENT ON COLUMN offset_gap.topic IS 'Topic.';
COMMENT ON COLUMN offset_gap.partition IS 'Partition.';
COMMENT ON COLUMN offset_gap.first_offset IS 'The first offset that is missing.';
COMMENT ON COLUMN offset_gap.next_offset IS 'The offset after the gap, where reading went on.';
COMMENT ON COLUMN offset_gap.reason IS 'expired: retention deleted them; recreated: the topic was deleted and made again.';
COMMENT ON COLUMN offset_gap.noticed_at IS 'When it was noticed.';
