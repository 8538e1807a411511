-- Which upstream table is to blame for the duplicates in dim_customers?
SELECT rank, name, field, job_name, run_id, depth, array_to_string(path, ' > ') AS path
FROM root_cause('duckdb:///srv/sales.duckdb', 'sales.data_mart.dim_customers', fld := 'customer_id')
WHERE rank <= 3
