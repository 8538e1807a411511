-- Forgets the runs and events of "forgettable", each whole: unless something new came of them since they were chosen.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT
    run_key::UUID AS run_key,
    event_id::UUID AS event_id,
    last_at
FROM forgettable;

CREATE OR REPLACE TEMP TABLE chosen_run AS
SELECT run.run_key
FROM store.run
SEMI JOIN asked USING (run_key, last_at);

CREATE OR REPLACE TEMP TABLE forgotten_event AS
SELECT
    event.event_id,
    event.event_time,
    event.shape_id
FROM store.event
SEMI JOIN chosen_run USING (run_key)
UNION ALL
SELECT
    event.event_id,
    event.event_time,
    event.shape_id
FROM store.event
SEMI JOIN asked USING (event_id)
WHERE event.run_key IS NULL;

INSERT INTO store.forgotten_run
SELECT
    chosen_run.run_key,
    getvariable('now')
FROM chosen_run
ANTI JOIN store.forgotten_run AS known USING (run_key);

DELETE FROM store.run
USING chosen_run
WHERE run.run_key = chosen_run.run_key;

DELETE FROM store.run_job
USING chosen_run
WHERE run_job.run_key = chosen_run.run_key;

-- The join on the time lets DuckDB leave out most of the table by its minimum and maximum.
DELETE FROM store.event
USING forgotten_event
WHERE
    event.event_time = forgotten_event.event_time
    AND event.event_id = forgotten_event.event_id;

DELETE FROM store.passing_facet
USING forgotten_event
WHERE
    passing_facet.event_time = forgotten_event.event_time
    AND passing_facet.event_id = forgotten_event.event_id;

DELETE FROM store.lifecycle_facet
USING forgotten_event
WHERE lifecycle_facet.event_id = forgotten_event.event_id;

DELETE FROM store.declaration
USING forgotten_event
WHERE
    declaration.event_time = forgotten_event.event_time
    AND declaration.event_id = forgotten_event.event_id;

-- When shapes were seen is anew what the events that are left say.
CREATE OR REPLACE TEMP TABLE seen_again AS
SELECT
    event.shape_id,
    min(event.event_time) AS first_seen_at,
    max({'event_time': event.event_time, 'event_id': event.event_id}) AS newest
FROM store.event
SEMI JOIN forgotten_event USING (shape_id)
GROUP BY event.shape_id;

DELETE FROM store.shape_seen
USING (SELECT DISTINCT shape_id FROM forgotten_event) AS touched
WHERE shape_seen.shape_id = touched.shape_id;

INSERT INTO store.shape_seen BY NAME FROM seen_again;
