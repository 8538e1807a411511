-- The data quality dimension that a kind of assertion speaks of.
CREATE VIEW store.assertion_dimension AS
SELECT *
FROM (
    VALUES
    ('not_null', 'Completeness'),
    ('expect_column_values_to_not_be_null', 'Completeness'),
    ('unique', 'Uniqueness'),
    ('expect_column_values_to_be_unique', 'Uniqueness'),
    ('accepted_values', 'Validity'),
    ('expect_column_values_to_be_in_set', 'Validity'),
    ('relationships', 'Integrity'),
    ('row_count_equal_to', 'Completeness'),
    ('column_count_equal_to', 'Consistency')
) AS known (assertion, dimension);
