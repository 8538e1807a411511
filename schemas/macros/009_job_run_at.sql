-- Runs with the lineages that they had at a moment. "straddlers" is the name of the table of straddling_run(ts).
CREATE MACRO store.job_run_at(ts, straddlers) AS TABLE
SELECT
    job_run.run_id,
    job_run.lineage_id,
    job_run.first_at,
    job_run.last_at,
    job_run.state
FROM store.job_run
WHERE ts IS NULL OR job_run.run_last_at <= ts
UNION ALL BY NAME
SELECT
    straddler.run_id,
    straddler.lineage_id,
    straddler.first_at,
    straddler.last_at,
    straddler.state
FROM query_table(straddlers) AS straddler;
