-- Which table is made from which, by what job, and how is it known?
SELECT upstream_name, downstream_name, job_name, evidence
FROM edge
WHERE is_current
ORDER BY ALL
