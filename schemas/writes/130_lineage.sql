-- The lineage of the runs of this batch, and of the events that declare one by themselves.
CREATE OR REPLACE TEMP TABLE run_lineage AS FROM store.run_lineage_of('told');

-- Run ids that several jobs share.
CREATE OR REPLACE TEMP TABLE shared_run AS
SELECT run_key
FROM run_lineage
GROUP BY run_key
HAVING count(*) > 1;

-- What a job or a dataset event says holds until the next one; so does a complete snapshot of what a stream reads and writes.
CREATE OR REPLACE TEMP TABLE declared AS
SELECT
    event_id,
    event_time,
    run_key,
    [shape_id] AS shapes,
    md5_number_lower([shape_id]::VARCHAR) AS lineage_id
FROM new_event
WHERE
    tells_lineage
    AND (kind != 'run' OR stands_alone);

INSERT INTO store.declaration BY NAME
SELECT
    lineage_id,
    event_time,
    event_id,
    run_key
FROM declared;

CREATE OR REPLACE TEMP TABLE new_lineage_shape AS
WITH
    told AS MATERIALIZED (
        SELECT lineage_id, shapes FROM run_lineage
        UNION
        SELECT lineage_id, shapes FROM declared
    ),
    known AS MATERIALIZED (
        SELECT lineage.lineage_id
        FROM store.lineage
        SEMI JOIN told USING (lineage_id)
    )
SELECT
    lineage_id,
    unnest(shapes) AS shape_id,
    generate_subscripts(shapes, 1) AS ordinal
FROM told
ANTI JOIN known USING (lineage_id);

-- What the runs of this batch that have many shapes had until now. The more they get, the longer it was.
CREATE OR REPLACE TEMP TABLE outgrown AS
WITH
    grown AS (
        SELECT run_key
        FROM run_lineage
        WHERE len(shapes) > 16
    )
SELECT lineage_id
FROM run_known
SEMI JOIN grown USING (run_key)
WHERE lineage_id IS NOT NULL
UNION
SELECT lineage_id
FROM store.run_job
SEMI JOIN grown USING (run_key);

-- Only if there is any new_lineage_shape:
INSERT INTO store.lineage_shape BY NAME FROM new_lineage_shape;

INSERT INTO store.lineage BY NAME FROM store.lineage_of('new_lineage_shape');
