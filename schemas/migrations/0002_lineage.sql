-- What the shapes of a run mean together: its lineage. Many runs share one, so edges are worked out once for each lineage
-- and not for each run. A lineage is found by the hash of its shapes, and its rows never change; one that no run has
-- any more (a run came by another event) is of no effect.

CREATE TABLE store.lineage (
    lineage_id UBIGINT NOT NULL,
    job_id UBIGINT,  -- NULL: declared by a dataset event
    dataset_id UBIGINT,  -- of that dataset event
    streaming BOOLEAN NOT NULL,
    snapshots BOOLEAN NOT NULL  -- its events replace each other
);

CREATE TABLE store.lineage_shape (
    lineage_id UBIGINT NOT NULL,
    ordinal INTEGER NOT NULL,  -- the shape of the run's newest event is last
    shape_id UBIGINT NOT NULL
);

CREATE TABLE store.lineage_edge (
    lineage_id UBIGINT NOT NULL,
    job_id UBIGINT,
    upstream_id UBIGINT NOT NULL,
    downstream_id UBIGINT NOT NULL,
    evidence VARCHAR NOT NULL  -- explicit, column or inputs_outputs
);

CREATE TABLE store.lineage_column (
    lineage_id UBIGINT NOT NULL,
    job_id UBIGINT,
    dataset_id UBIGINT NOT NULL,  -- the output
    document_id UUID NOT NULL  -- its columnLineage facet
);

CREATE TABLE store.lineage_explicit (
    lineage_id UBIGINT NOT NULL,
    job_id UBIGINT,
    dataset_id UBIGINT,  -- what carries the facet; NULL: the job
    document_id UUID NOT NULL  -- a lineage facet
);

-- A run id that several jobs share is a run of each of them.
CREATE TABLE store.run_job (
    run_key UUID NOT NULL,
    job_id UBIGINT NOT NULL,
    lineage_id UBIGINT NOT NULL,
    first_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    last_at TIMESTAMPTZ NOT NULL,
    state STRUCT(rank UTINYINT, event_time TIMESTAMPTZ, event_id UUID, name VARCHAR)
);

-- An event that says by itself what is made from what: a job or dataset event, or a snapshot of a streaming run.
CREATE TABLE store.declaration (
    lineage_id UBIGINT NOT NULL,
    event_time TIMESTAMPTZ NOT NULL,
    event_id UUID NOT NULL,
    run_key UUID
);
