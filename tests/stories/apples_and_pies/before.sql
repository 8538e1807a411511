-- On the second day nothing was wrong yet, whatever is known now.
SELECT rank, name
FROM root_cause('kitchen', 'pies', as_of := TIMESTAMPTZ '2026-03-02 09:00:00Z')
