-- What failed, and how badly? email may be empty now and then: that is a warning, as configured or by dbt's error_if.
SELECT check_name, name, field, dimension, severity, expected, actual
FROM check_result
WHERE status = 'failed'
ORDER BY ALL
