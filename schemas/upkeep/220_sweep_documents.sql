-- Takes away documents that no shape, no passing facet and no event's body refers to any more, with the rows inside them.
CREATE OR REPLACE TEMP TABLE unused_document AS
WITH
    doubtful AS MATERIALIZED (
        SELECT
            document.document_id,
            -- As it stands in a skeleton: without hyphens.
            replace(document.document_id::VARCHAR, '-', '') AS mark
        FROM store.document
        ANTI JOIN store.shape_facet USING (document_id)
        ANTI JOIN store.passing_facet USING (document_id)
    ),
    -- Between two marks; what is no id is in nobody's way.
    marked AS (
        SELECT unnest(string_split(event.skeleton, chr(1))) AS mark
        FROM store.event
    )
SELECT doubtful.document_id
FROM doubtful
ANTI JOIN marked USING (mark);

DELETE FROM store.document
USING unused_document
WHERE document.document_id = unused_document.document_id;

DELETE FROM store.facet_problem
USING unused_document
WHERE facet_problem.document_id = unused_document.document_id;

DELETE FROM store.schema_field
USING unused_document
WHERE schema_field.document_id = unused_document.document_id;

DELETE FROM store.column_lineage
USING unused_document
WHERE column_lineage.document_id = unused_document.document_id;

DELETE FROM store.explicit_lineage
USING unused_document
WHERE explicit_lineage.document_id = unused_document.document_id;

DELETE FROM store.job_link
USING unused_document
WHERE job_link.document_id = unused_document.document_id;

DELETE FROM store.assertion
USING unused_document
WHERE assertion.document_id = unused_document.document_id;

DELETE FROM store.metric
USING unused_document
WHERE metric.document_id = unused_document.document_id;
