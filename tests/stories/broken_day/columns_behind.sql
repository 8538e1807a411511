-- Which columns are behind the one that is not unique?
SELECT name, field, depth, transformation_type
FROM column_upstream('duckdb:///srv/sales.duckdb', 'sales.data_mart.dim_customers', 'customer_id')
