-- The run that picked the first rotten apples, though good ones were picked since.
SELECT rank, name, field, run_id, bad_since::VARCHAR AS bad_since, array_to_string(path, ' > ') AS path, evidence
FROM root_cause('kitchen', 'pies', fld := 'taste')
WHERE rank = 1
