-- What people and webhooks said about an incident they said about its failures: which incident these belong to may change
-- when more comes to light. Rows of before have none, and are about the incident of that id.

ALTER TABLE store.incident_action ADD COLUMN failures STRUCT(
    namespace VARCHAR,
    name VARCHAR,
    field VARCHAR,
    check_name VARCHAR,
    tool VARCHAR,
    first_failed_at TIMESTAMPTZ,
    last_failed_at TIMESTAMPTZ
)[];

ALTER TABLE store.incident_notice ADD COLUMN failures STRUCT(
    namespace VARCHAR,
    name VARCHAR,
    field VARCHAR,
    check_name VARCHAR,
    tool VARCHAR,
    first_failed_at TIMESTAMPTZ,
    last_failed_at TIMESTAMPTZ
)[];

-- Names that no event has, for tables of which DQOps' lineage tells, where a setting or a connection's file says what they are
-- called. Worked out from those, as dataset.canonical_id is: rows of store.dataset that are there as long as they are needed.
CREATE TABLE store.placed_dataset (
    dataset_id UBIGINT NOT NULL
);
