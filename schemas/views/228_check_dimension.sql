-- What kinds of checks are about, in DQOps' words; the list itself is store.check_dimension, on which other views stand.
CREATE VIEW check_dimension AS
SELECT
    check_dimension.check_kind,
    check_dimension.dimension,
    own_dimension.check_kind IS NOT NULL AS is_own
FROM store.check_dimension
LEFT JOIN store.own_dimension USING (check_kind);

COMMENT ON VIEW check_dimension IS
    'The data quality dimension of each kind of check, for tools that do not say it. The setting check_dimensions adds to it and goes before it.';
COMMENT ON COLUMN check_dimension.check_kind IS 'The kind of check in lower case, such as not_null.';
COMMENT ON COLUMN check_dimension.dimension IS
    'Accuracy, Availability, Completeness, Consistency, Integrity, Reasonableness, Timeliness, Uniqueness or Validity; or a word of your own.';
COMMENT ON COLUMN check_dimension.is_own IS 'The setting check_dimensions says so.';
