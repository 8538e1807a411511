-- What the pie of the second bad day was really made from.
SELECT run_id, job_name, state, depth
FROM run_upstream('pies-4')
