-- How many rows did the loads write on the two days?
SELECT run.job_name, run_dataset.row_count
FROM run_dataset
JOIN run USING (run_id)
WHERE run_dataset.direction = 'output' AND run_dataset.row_count IS NOT NULL
ORDER BY run.job_name, run.started_at
