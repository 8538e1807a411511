-- What checks and measurements need beside dataQualityAssertions, and what people and webhooks do about incidents.

-- Of a test facet, which is not bound to a dataset and tells a skipped test from a failed one.
ALTER TABLE store.assertion ADD COLUMN status VARCHAR;  -- pass, fail, skip, or another word
ALTER TABLE store.assertion ADD COLUMN tested_table VARCHAR;

CREATE TABLE store.metric (
    document_id UUID NOT NULL,
    field VARCHAR,  -- NULL: the dataset as a whole
    metric VARCHAR NOT NULL,
    value DOUBLE NOT NULL
);

-- What people did about incidents. Rows are only added; the newest of an incident holds.
CREATE TABLE store.incident_action (
    incident_id VARCHAR NOT NULL,
    action VARCHAR NOT NULL,  -- acknowledged, resolved or muted
    acted_at TIMESTAMPTZ NOT NULL,
    actor VARCHAR,
    note VARCHAR
);

-- Which incidents the webhook told about. Written once the other side has said that it has the message.
CREATE TABLE store.incident_notice (
    incident_id VARCHAR NOT NULL,
    sent_at TIMESTAMPTZ NOT NULL
);

-- How incidents are told apart. Rows are only added; the newest holds.
CREATE TABLE store.incident_rule (
    reopens_within_seconds DOUBLE NOT NULL,
    set_at TIMESTAMPTZ NOT NULL
);
