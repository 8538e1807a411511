-- On the evening of the first bad day the answer was the same.
SELECT rank, name, run_id
FROM root_cause('kitchen', 'pies', as_of := TIMESTAMPTZ '2026-03-03 20:00:00Z')
WHERE rank = 1
