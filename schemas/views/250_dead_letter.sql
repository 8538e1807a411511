-- Records that could not be read, as they came but for what is redacted.
CREATE VIEW dead_letter AS
SELECT
    topic,
    partition,
    source_offset,
    received_at,
    reason,
    detail,
    value,
    element
FROM store.dead_letter;

COMMENT ON VIEW dead_letter IS 'Records that could not be read, as they came.';
COMMENT ON COLUMN dead_letter.topic IS 'Topic; file:NAME for a file, http:lineage for HTTP.';
COMMENT ON COLUMN dead_letter.partition IS 'Partition.';
COMMENT ON COLUMN dead_letter.source_offset IS 'Offset; the line of a file, from 1.';
COMMENT ON COLUMN dead_letter.received_at IS 'When it was read.';
COMMENT ON COLUMN dead_letter.reason IS
    'invalid_utf8, invalid_json, not_an_event, no_event_time, no_run_id, no_job or too_large.';
COMMENT ON COLUMN dead_letter.detail IS 'The reason as a sentence.';
COMMENT ON COLUMN dead_letter.value IS
    'The record''s bytes, without what the rules of redaction take out; of one that is too large, the beginning.';
COMMENT ON COLUMN dead_letter.element IS 'Place in the record''s JSON array of the element that could not be read.';
