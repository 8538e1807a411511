"""Facets of datasets: what a dataset is, was, and is called."""

from __future__ import annotations

from pydantic import Field

from .reading import Elements, Facet, Text, Values, Word


class SchemaField(Facet):
    """One field, with the fields inside it."""

    name: Text
    type: Text | None = None
    description: Text | None = None
    ordinal_position: int | None = Field(default=None, alias="ordinal_position")
    fields: Elements[SchemaField] = []


class Schema(Facet):
    """``schema``: the fields of a dataset."""

    fields: Elements[SchemaField] = []


class Transformation(Facet):
    """How an input reaches an output."""

    type: Word | None = None
    subtype: Word | None = None
    description: Text | None = None
    masking: bool | None = None


class InputField(Facet):
    """A column of an upstream dataset."""

    namespace: str
    name: str
    field: Text
    transformations: Elements[Transformation] = []


class OutputField(Facet):
    """The columns behind one column.

    Before 1-1-0 the transformation was said here, once for all of them: IDENTITY or MASKED.
    """

    input_fields: Elements[InputField] = []
    transformation_type: Word | None = None
    transformation_description: Text | None = None


class ColumnLineage(Facet):
    """``columnLineage``: the columns behind each column, and (``dataset``) behind all of them."""

    fields: Values[OutputField] = {}
    dataset: Elements[InputField] = []


class Symlink(Facet):
    """Another name of a dataset."""

    namespace: str
    name: str
    type: Word | None = None


class Symlinks(Facet):
    """``symlinks``: other names of a dataset, in no order."""

    identifiers: Elements[Symlink] = []


class Catalog(Facet):
    """``catalog``: where a dataset is registered, such as Iceberg in a Hive metastore."""

    framework: Text | None = None
    type: Text | None = None
    name: Text | None = None
    metadata_uri: Text | None = None
    warehouse_uri: Text | None = None
    source: Text | None = None
    catalog_properties: Values[Text] = {}


class DataSource(Facet):
    """``dataSource``: the database or store that holds a dataset."""

    name: Text | None = None
    uri: Text | None = None


class DatasetType(Facet):
    """``datasetType``: table, view, file, topic, ..."""

    dataset_type: Text | None = None
    sub_type: Text | None = None


class DatasetVersion(Facet):
    """``version``: which version of the data."""

    dataset_version: Text | None = None


class HierarchyLevel(Facet):
    """One step of the way to a dataset, such as a database or a schema."""

    type: Text
    name: Text


class Hierarchy(Facet):
    """``hierarchy``: the way to a dataset, outermost first."""

    hierarchy: Elements[HierarchyLevel] = []


class PreviousIdentifier(Facet):
    """What a dataset was called before it was renamed."""

    namespace: str
    name: str


class Lifecycle(Facet):
    """``lifecycleStateChange``: altered, created, dropped, overwritten, renamed or truncated."""

    lifecycle_state_change: Word
    previous_identifier: PreviousIdentifier | None = None


class Storage(Facet):
    """``storage``: the layer that stores a dataset, such as iceberg, and its file format."""

    storage_layer: Text | None = None
    file_format: Text | None = None
