-- Nothing fails.
SELECT rank, name
FROM root_cause('duckdb:///srv/sales.duckdb', 'sales.data_mart.dim_customers', fld := 'customer_id')
