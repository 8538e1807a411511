-- How many outcomes are there, each counted once though its events say it four times?
SELECT status, severity, count(*) AS results
FROM check_result
GROUP BY ALL
ORDER BY ALL
