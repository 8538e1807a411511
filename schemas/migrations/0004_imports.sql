-- What was imported from the files of quality tools.
--
--     import_file ──> mirrored_row ──> imported_result, imported_metric, imported_incident
--
-- Every row is found by the hash of its content and never changes: importing something twice adds nothing. Most tools write
-- a file for each run, and what it held stays true. DQOps rewrites its files, so it is mirrored: mirrored_row says which rows
-- a file holds now, and when it stopped to hold the others.

CREATE TABLE store.import_file (
    file_id UUID NOT NULL,
    tool VARCHAR NOT NULL,
    root VARCHAR NOT NULL,  -- the folder that is mirrored; empty: the file stands for itself
    path VARCHAR NOT NULL,  -- within the root
    sha256 VARCHAR NOT NULL,  -- of the content that was imported last
    mirrored BOOLEAN NOT NULL,
    rows BIGINT NOT NULL,
    imported_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE store.mirrored_row (
    file_id UUID NOT NULL,
    row_id UUID NOT NULL,
    imported_at TIMESTAMPTZ NOT NULL,
    replaced_at TIMESTAMPTZ  -- NULL: the file holds it
);

CREATE TABLE store.imported_result (
    check_name VARCHAR NOT NULL,
    namespace VARCHAR,  -- NULL: the tool does not know namespaces; see store.imported_dataset
    name VARCHAR,  -- as much of the name as the tool gives; NULL: about no dataset in particular
    field VARCHAR,
    dimension VARCHAR,
    status VARCHAR NOT NULL,
    severity VARCHAR,
    expected VARCHAR,
    actual VARCHAR,
    executed_at TIMESTAMPTZ NOT NULL,
    tool VARCHAR NOT NULL,
    run_id VARCHAR,
    details VARCHAR NOT NULL,
    check_kind VARCHAR,
    source VARCHAR,  -- what the tool calls the database: a connection, data source or project
    row_id UUID NOT NULL
);

CREATE TABLE store.imported_metric (
    tool VARCHAR NOT NULL,
    source VARCHAR,
    name VARCHAR NOT NULL,
    field VARCHAR,
    metric VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    measured_at TIMESTAMPTZ NOT NULL,
    details VARCHAR NOT NULL,
    row_id UUID NOT NULL
);

CREATE TABLE store.imported_incident (
    incident_id VARCHAR NOT NULL,
    tool VARCHAR NOT NULL,
    source VARCHAR,
    name VARCHAR NOT NULL,
    dimension VARCHAR,
    status VARCHAR NOT NULL,
    severity VARCHAR,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ,
    failed_checks BIGINT,
    issue_url VARCHAR,
    details VARCHAR NOT NULL,
    row_id UUID NOT NULL
);

CREATE TABLE store.imported_name (
    tool VARCHAR NOT NULL,
    source VARCHAR NOT NULL,  -- empty: not said
    namespace VARCHAR NOT NULL,  -- empty: not said
    name VARCHAR NOT NULL
);

CREATE TABLE store.source_namespace (
    tool VARCHAR NOT NULL,  -- empty: a setting, for every tool
    source VARCHAR NOT NULL,
    namespace VARCHAR NOT NULL,
    database VARCHAR  -- goes before a name that does not begin with it; NULL: nothing does
);

CREATE TABLE store.own_dimension (
    check_kind VARCHAR NOT NULL,
    dimension VARCHAR NOT NULL
);
