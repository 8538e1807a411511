-- The facts: events, and the content that they share.
--
-- An event is one row, what repeats from event to event is kept once and found by the hash of its content:
--
--     event ──> shape ──> shape_dataset, shape_facet ──> document ──> schema_field, column_lineage, assertion
--       ├─────> run      (what the events of a run say together)
--       └─────> passing_facet ──> document
--
--     dataset ──> dataset  (its canonical name)
--
-- No table has a key or an index: DuckDB's cost more than they give here. Each write sees to uniqueness itself. A
-- structure that begins with event_time and event_id is a stamped value: the greatest one is the newest.

CREATE SCHEMA store;

CREATE TABLE store.migration (
    name VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL
);

-- Which views and macros the store has: a hash of their SQL, and DuckDB's version.
CREATE TABLE store.views (
    version VARCHAR NOT NULL
);

CREATE TABLE store.job (
    job_id UBIGINT NOT NULL,
    namespace VARCHAR NOT NULL,
    name VARCHAR NOT NULL
);

CREATE TABLE store.dataset (
    dataset_id UBIGINT NOT NULL,
    namespace VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    canonical_id UBIGINT NOT NULL  -- of all names of one dataset, the one that views show; facts keep the name they came with
);

-- One name of a dataset is another name of it. Once said it holds: the names that hang together only ever grow.
CREATE TABLE store.alias (
    dataset_id UBIGINT NOT NULL,
    alias_id UBIGINT NOT NULL,
    type VARCHAR NOT NULL  -- TABLE, LOCATION, ... as the producer says, in upper case; '' when it does not say
);

CREATE TABLE store.document (
    document_id UUID NOT NULL,
    -- Canonical JSON: keys sorted, no white space, digits as they came. Left to itself DuckDB packs JSON with DICT_FSST, which
    -- takes four times as long as zstd here and five times the room.
    body VARCHAR NOT NULL USING COMPRESSION zstd,
    deleted BOOLEAN NOT NULL
);

CREATE TABLE store.facet_problem (
    document_id UUID NOT NULL,
    entity VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    problem VARCHAR NOT NULL
);

CREATE TABLE store.schema_field (
    document_id UUID NOT NULL,
    field VARCHAR NOT NULL,
    ordinal INTEGER NOT NULL,
    type VARCHAR,
    description VARCHAR
);

CREATE TABLE store.column_lineage (
    document_id UUID NOT NULL,
    downstream_field VARCHAR,  -- NULL: the whole dataset
    upstream_id UBIGINT NOT NULL,
    upstream_field VARCHAR NOT NULL,
    transformation_type VARCHAR,
    transformation_subtype VARCHAR,
    masking BOOLEAN
);

-- What lineage facets say outright, one row for each pair.
CREATE TABLE store.explicit_lineage (
    document_id UUID NOT NULL,
    downstream_id UBIGINT,  -- NULL: the dataset that carries the facet; nothing when a job does
    downstream_field VARCHAR,  -- NULL: the whole dataset
    upstream_id UBIGINT,  -- NULL: it is made from no dataset
    upstream_field VARCHAR,  -- NULL: the dataset as a whole, or which column is not known
    transformation_type VARCHAR,
    transformation_subtype VARCHAR,
    masking BOOLEAN
);

-- Jobs that follow other jobs without a dataset between; NULL is the job that carries the facet.
CREATE TABLE store.job_link (
    document_id UUID NOT NULL,
    upstream_job_id UBIGINT,
    downstream_job_id UBIGINT
);

CREATE TABLE store.assertion (
    document_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    assertion VARCHAR NOT NULL,
    name VARCHAR,
    field VARCHAR,
    success BOOLEAN NOT NULL,
    severity VARCHAR,
    expected VARCHAR,
    actual VARCHAR
);

CREATE TABLE store.shape (
    shape_id UBIGINT NOT NULL,
    job_id UBIGINT,  -- NULL: a dataset event
    job_type VARCHAR,
    processing_type VARCHAR,
    stands_alone BOOLEAN NOT NULL,  -- what one event says replaces what the one before said (COMPLETE_SNAPSHOT)
    tells_lineage BOOLEAN NOT NULL  -- it has datasets or a facet that says what is made from what
);

CREATE TABLE store.shape_seen (
    shape_id UBIGINT NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    newest STRUCT(event_time TIMESTAMPTZ, event_id UUID) NOT NULL
);

CREATE TABLE store.shape_dataset (
    shape_id UBIGINT NOT NULL,
    direction VARCHAR NOT NULL,  -- input, output, or dataset in a dataset event
    dataset_id UBIGINT NOT NULL
);

CREATE TABLE store.shape_facet (
    shape_id UBIGINT NOT NULL,
    direction VARCHAR,  -- NULL: a facet of the job
    dataset_id UBIGINT,
    key VARCHAR NOT NULL,
    document_id UUID NOT NULL
);

CREATE TABLE store.event (
    event_id UUID NOT NULL,
    kind VARCHAR NOT NULL,  -- run, job or dataset
    event_type VARCHAR,
    event_time TIMESTAMPTZ NOT NULL,
    run_key UUID,  -- NULL unless a run event
    shape_id UBIGINT NOT NULL,
    topic VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    source_offset BIGINT NOT NULL,
    element INTEGER NOT NULL,  -- place in the record's JSON array, 0 for a plain event
    received_at TIMESTAMPTZ NOT NULL,
    -- The event's canonical JSON with document ids, between two \x01, in place of facets.
    skeleton VARCHAR USING COMPRESSION zstd
);

CREATE TABLE store.run (
    run_key UUID NOT NULL,
    run_id VARCHAR NOT NULL,
    first_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,  -- the earliest START
    last_at TIMESTAMPTZ NOT NULL,
    state STRUCT(rank UTINYINT, event_time TIMESTAMPTZ, event_id UUID, name VARCHAR),  -- rank 3: terminal
    job STRUCT(event_time TIMESTAMPTZ, event_id UUID, job_id UBIGINT) NOT NULL,
    producer STRUCT(event_time TIMESTAMPTZ, event_id UUID, uri VARCHAR) NOT NULL,
    nominal STRUCT(event_time TIMESTAMPTZ, event_id UUID, start_at TIMESTAMPTZ, end_at TIMESTAMPTZ),
    parent STRUCT(
        event_time TIMESTAMPTZ,
        event_id UUID,
        run_id VARCHAR,
        job_namespace VARCHAR,
        job_name VARCHAR,
        root_run_id VARCHAR
    ),
    error STRUCT(event_time TIMESTAMPTZ, event_id UUID, message VARCHAR),
    source STRUCT(event_time TIMESTAMPTZ, event_id UUID, version VARCHAR),
    lineage_id UBIGINT  -- NULL: no event of the run named a dataset, or see run_job
);

-- Runs that others name as their parent or root, whether or not an event of their own ever comes.
CREATE TABLE store.named_run (
    run_key UUID NOT NULL,
    run_id VARCHAR NOT NULL,
    job_id UBIGINT  -- NULL: not said
);

CREATE TABLE store.passing_facet (
    entity VARCHAR NOT NULL,  -- run, job, dataset, input or output; most facets of a run are only in the skeletons of its events
    run_key UUID,  -- NULL: not from a run event
    direction VARCHAR,
    dataset_id UBIGINT,
    job_id UBIGINT,
    key VARCHAR NOT NULL,
    event_time TIMESTAMPTZ NOT NULL,
    event_id UUID NOT NULL,
    document_id UUID NOT NULL
);

-- Those of the key lifecycleStateChange once more. Nearly every question asks whether a dataset was renamed or dropped.
CREATE TABLE store.lifecycle_facet (
    entity VARCHAR NOT NULL,
    run_key UUID,
    direction VARCHAR,
    dataset_id UBIGINT,
    job_id UBIGINT,
    event_time TIMESTAMPTZ NOT NULL,
    event_id UUID NOT NULL,
    document_id UUID NOT NULL
);
