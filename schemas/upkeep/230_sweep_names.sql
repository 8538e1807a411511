-- Takes away runs, jobs and datasets that are names alone, and that nothing which is left names. A name of a dataset stays
-- while any other name of it does: which names hang together is not forgotten.
CREATE OR REPLACE TEMP TABLE named_parent AS
WITH
    parent AS (
        SELECT document.body::JSON AS body
        FROM store.document
        WHERE contains(document.body, '"runId"')
    ),
    said AS (
        SELECT
            parent.body ->> '$.run.runId' AS run_id,
            parent.body ->> '$.job.namespace' AS namespace,
            parent.body ->> '$.job.name' AS name
        FROM parent
        UNION
        SELECT
            parent.body ->> '$.root.run.runId',
            parent.body ->> '$.root.job.namespace',
            parent.body ->> '$.root.job.name'
        FROM parent
    )
SELECT
    said.run_id,
    job.job_id
FROM said
LEFT JOIN store.job
    ON
        job.namespace = said.namespace
        AND job.name = said.name
WHERE said.run_id IS NOT NULL;

-- Where the body of an event is gone, what its run says is left.
CREATE OR REPLACE TEMP TABLE remembered_parent AS
SELECT DISTINCT unnest([run.parent.run_id, run.parent.root_run_id]) AS run_id
FROM store.run
SEMI JOIN (SELECT run_key FROM store.event WHERE skeleton IS NULL) AS bodiless USING (run_key);

DELETE FROM store.named_run
WHERE
    NOT EXISTS (
        SELECT 1
        FROM named_parent
        WHERE
            named_parent.run_id = named_run.run_id
            AND named_parent.job_id IS NOT DISTINCT FROM named_run.job_id
    )
    AND NOT EXISTS (
        SELECT 1
        FROM remembered_parent
        WHERE remembered_parent.run_id = named_run.run_id
    );

DELETE FROM store.job
WHERE
    NOT EXISTS (SELECT 1 FROM store.shape WHERE shape.job_id = job.job_id)
    AND NOT EXISTS (SELECT 1 FROM store.named_run WHERE named_run.job_id = job.job_id)
    AND NOT EXISTS (SELECT 1 FROM store.job_link WHERE job_link.upstream_job_id = job.job_id)
    AND NOT EXISTS (SELECT 1 FROM store.job_link WHERE job_link.downstream_job_id = job.job_id);

CREATE OR REPLACE TEMP TABLE named_dataset AS
SELECT DISTINCT dataset.canonical_id
FROM store.dataset
SEMI JOIN (
    SELECT dataset_id FROM store.shape_dataset
    UNION
    SELECT upstream_id FROM store.column_lineage
    UNION
    SELECT upstream_id FROM store.explicit_lineage
    UNION
    SELECT downstream_id FROM store.explicit_lineage
) AS referred USING (dataset_id);

CREATE OR REPLACE TEMP TABLE unused_dataset AS
SELECT dataset.dataset_id
FROM store.dataset
ANTI JOIN named_dataset USING (canonical_id);

DELETE FROM store.dataset
USING unused_dataset
WHERE dataset.dataset_id = unused_dataset.dataset_id;

DELETE FROM store.alias
USING unused_dataset
WHERE alias.dataset_id = unused_dataset.dataset_id;
