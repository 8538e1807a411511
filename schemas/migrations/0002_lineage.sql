-- What the shapes of a run mean together: its lineage. Many runs share one, so edges are worked out once for each lineage
-- and not for each run. A lineage is found by the hash of its shapes, and its rows never change; one that no run has
-- any more (a run came by another event) is of no effect.

CREATE TABLE store.lineage (
    lineage_id UBIGINT NOT NULL,
    job_id UBIGINT,  -- NULL: declared by a dataset event
    dataset_id UBIGINT,  -- of that dataset event
    streaming BOOLEAN NOT NULL
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
    evidence VARCHAR NOT NULL  -- column or inputs_outputs
);

CREATE TABLE store.lineage_column (
    lineage_id UBIGINT NOT NULL,
    job_id UBIGINT,
    dataset_id UBIGINT NOT NULL,  -- the output
    document_id UUID NOT NULL  -- its columnLineage facet
);

CREATE TABLE store.declaration (
    lineage_id UBIGINT NOT NULL,
    event_time TIMESTAMPTZ NOT NULL,
    event_id UUID NOT NULL
);
