-- Before the broken day nothing failed, whatever happened since.
SELECT rank, name
FROM root_cause(
    'duckdb:///srv/sales.duckdb',
    'sales.data_mart.dim_customers',
    as_of := TIMESTAMPTZ '2026-11-22 15:33:15Z'
)
