-- How did the runs end?
SELECT state, count(*) AS runs
FROM run
GROUP BY ALL
ORDER BY ALL
