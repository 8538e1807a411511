-- Events that are new. One that is there already has the same event_time: the join on it lets DuckDB leave out most of the
-- table by its minimum and maximum.
CREATE OR REPLACE TEMP TABLE new_event AS
SELECT batch.*
FROM batch_event AS batch
ANTI JOIN store.event USING (event_time, event_id);

INSERT INTO store.event BY NAME FROM new_event;
