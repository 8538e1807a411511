-- How records came in: bookkeeping, not facts. None of this is part of the digest.

CREATE TABLE store.duplicate (
    event_id UUID NOT NULL,
    topic VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    source_offset BIGINT NOT NULL,
    element INTEGER NOT NULL,
    received_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE store.dead_letter (
    topic VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    source_offset BIGINT NOT NULL,
    element INTEGER NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    reason VARCHAR NOT NULL,
    detail VARCHAR NOT NULL,
    value BLOB NOT NULL
);

CREATE TABLE store.kafka_offset (
    topic VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    end_offset BIGINT,
    log_id VARCHAR,  -- Kafka's id of the topic: another one of the same name has another
    tombstones BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE store.gap (
    topic VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    first_offset BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    noticed_at TIMESTAMPTZ NOT NULL
);
