-- What was forgotten because of its age, and what must not come back by halves.

-- Runs that were forgotten, by their ids alone: an event of such a run that comes late is not folded.
CREATE TABLE store.forgotten_run (
    run_key UUID NOT NULL,
    forgotten_at TIMESTAMPTZ NOT NULL
);

-- Events that came after their run was forgotten.
CREATE TABLE store.late_event (
    event_id UUID NOT NULL,
    topic VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    source_offset BIGINT NOT NULL,
    element INTEGER NOT NULL,
    received_at TIMESTAMPTZ NOT NULL
);

-- What was forgotten when, one row for each kind; and when the store was compacted.
CREATE TABLE store.upkeep (
    done_at TIMESTAMPTZ NOT NULL,
    kind VARCHAR NOT NULL,
    horizon_at TIMESTAMPTZ,  -- NULL: age does not matter
    rows BIGINT NOT NULL
);
