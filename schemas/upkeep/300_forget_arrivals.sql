-- Forgets how records came in, each kind before a moment of its own; NULL keeps a kind. (As a variable, NULL is a
-- number to DuckDB 1.5, hence the casts.)
DELETE FROM store.duplicate WHERE received_at < getvariable('duplicates_before')::TIMESTAMPTZ;

DELETE FROM store.late_event WHERE received_at < getvariable('duplicates_before')::TIMESTAMPTZ;

DELETE FROM store.dead_letter WHERE received_at < getvariable('dead_letters_before')::TIMESTAMPTZ;

DELETE FROM store.gap WHERE noticed_at < getvariable('gaps_before')::TIMESTAMPTZ;

-- A forgotten run is remembered for as long again as it was kept.
DELETE FROM store.forgotten_run WHERE forgotten_at < getvariable('remembered_from')::TIMESTAMPTZ;
