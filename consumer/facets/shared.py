"""Facets that several things have: documentation, owners, tags, explicit lineage."""

from __future__ import annotations

from .dataset import Transformation
from .reading import Elements, Facet, Text, Values, Word


class Documentation(Facet):
    """``documentation``: what a job or dataset is for."""

    description: Text | None = None
    content_type: Text | None = None


class Owner(Facet):
    """Somebody who answers for a job or dataset."""

    name: Text
    type: Text | None = None


class Ownership(Facet):
    """``ownership``: who answers for a job or dataset."""

    owners: Elements[Owner] = []


class Tag(Facet):
    """A key with a value; ``field`` if it is about one field of a dataset."""

    key: Text
    value: Text | None = None
    source: Text | None = None
    field: Text | None = None


class Tags(Facet):
    """``tags``: what somebody or something marked a job, run or dataset with."""

    tags: Elements[Tag] = []


class LineageInput(Facet):
    """What something is made from: a dataset, a field of one, or (``type`` JOB) a job without a dataset between.

    A job without a name is the event's own.
    """

    type: Word = "DATASET"
    namespace: str | None = None
    name: str | None = None
    field: Text | None = None
    run_id: Text | None = None
    transformations: Elements[Transformation] = []


class LineageField(Facet):
    """What one field is made from."""

    inputs: Elements[LineageInput] = []


class LineageEntry(Facet):
    """A dataset or a job with what it is made from. An empty list says that there is nothing; None says nothing."""

    type: Word = "DATASET"
    namespace: str | None = None
    name: str | None = None
    run_id: Text | None = None
    inputs: Elements[LineageInput] | None = None
    fields: Values[LineageField] = {}


class DatasetLineage(Facet):
    """``lineage``: what the dataset and its fields are made from, said outright."""

    inputs: Elements[LineageInput] | None = None
    fields: Values[LineageField] = {}


class JobLineage(Facet):
    """``lineage``: what the job's outputs are made from, said outright."""

    entries: Elements[LineageEntry] = []
