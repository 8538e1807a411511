-- What the store noticed that somebody should know, a row for each kind and subject.
CREATE VIEW finding AS
SELECT * FROM doctor();

COMMENT ON VIEW finding IS
    'What the store noticed that somebody should know; the macro doctor says the same with a limit of your choice.';
COMMENT ON COLUMN finding.severity IS
    'error: something is missing from the store; warning: something may be wrong; info: good to know.';
COMMENT ON COLUMN finding.kind IS
    'dead_letter, gap, clock_skew, empty_name, endless_run, extraction_error, facet_problem, orphan_run, alias, duplicate, late_event, odd_run_id, producer, unknown_dataset, unknown_facet or unknown_field.';
COMMENT ON COLUMN finding.subject IS 'What it is about: a topic, a facet, a producer, a reason; or what is counted.';
COMMENT ON COLUMN finding.count IS 'How many there are.';
COMMENT ON COLUMN finding.example IS 'One of them; of a producer, its versions.';
COMMENT ON COLUMN finding.advice IS 'What to do about it.';
