-- What was forgotten because of its age, and when the store was compacted.
CREATE VIEW upkeep AS
SELECT
    done_at,
    kind,
    horizon_at,
    rows
FROM store.upkeep;

COMMENT ON VIEW upkeep IS
    'What was forgotten because of its age, a row for each kind and time; and each time that the store was compacted.';
COMMENT ON COLUMN upkeep.done_at IS 'When.';
COMMENT ON COLUMN upkeep.kind IS
    'runs, run_events (the events of those runs, and events without a run), bodies (of events), check_results (imported ones), duplicates, dead_letters, gaps, or compact.';
COMMENT ON COLUMN upkeep.horizon_at IS 'What is older than this went, unless something current needs it; NULL for compact.';
COMMENT ON COLUMN upkeep.rows IS 'How many went; for compact, how many rows were written anew.';
