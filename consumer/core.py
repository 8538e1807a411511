"""The fold by the compiled core, where it could be built; without it Python does the same, only slower.

The core folds *ordinary* events: those spelled as producers nearly always do it. It asks `_Reader` for what it meets
for the first time, and leaves all else to `headwater.fold`, which is the definition of both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any

import msgspec
from pydantic import ValidationError

from .batch import Arrival, Batch
from .canonical import parse
from .facets import MEASURING_KEYS, MODELS, PASSING_KEYS, PASSING_RUN_KEYS, Entity, Facet
from .fold import DatasetPart, DatasetsPart, Folder, JobPart, add_aliases, add_shape, read_body, read_value
from .names import DatasetName
from .redaction import Redaction
from .rows import Micros

_SWITCH = "HEADWATER_CORE"  # "python" leaves the compiled core alone


def make_folder(
    cache_bytes: int = 64 << 20,
    naive_zone: tzinfo = UTC,
    redaction: Redaction = Redaction(),  # noqa: B008  # without rules it never changes anything
) -> Folder:
    """Return a folder with the compiled core, or without if there is none; see `headwater.fold.Folder`."""
    if not is_compiled():
        return Folder(cache_bytes, naive_zone, redaction)
    return CoreFolder(cache_bytes, naive_zone, redaction)


def is_compiled() -> bool:
    """Tell whether the compiled core is there, and wanted."""
    if os.environ.get(_SWITCH) == "python":
        return False
    try:
        from . import _core  # noqa: F401
    except ImportError:
        return False
    return True


class CoreFolder(Folder):
    """A folder whose ordinary events are folded by the compiled core."""

    def __init__(self, cache_bytes: int, naive_zone: tzinfo, redaction: Redaction) -> None:
        """Make one; see `headwater.fold.Folder`."""
        from ._core import Ledger, Splitter

        # Python's memory sees only what is unusual.
        super().__init__(cache_bytes // 4, naive_zone, redaction)
        self._splitter = Splitter(cache_bytes - cache_bytes // 4, redaction.max_facet_bytes)
        self._ledger = Ledger

    def forget(self) -> None:
        """Take nothing for known: a batch was thrown away."""
        super().forget()
        self._splitter.forget()

    def new_batch(self) -> Batch:
        """Return an empty batch for what is folded."""
        return Batch(self._ledger())

    def fold_ordinary(
        self, records: Sequence[Arrival], received_at: Micros, record_bytes: int, batch: Batch
    ) -> Sequence[int]:
        """Add what records say that hold one ordinary event each; see `headwater.fold.Folder.fold_ordinary`."""
        assert isinstance(batch.ledger, self._ledger), "this batch is none of new_batch"
        return self._splitter.fold(list(records), received_at, record_bytes, batch.ledger, _Reader(self, batch))


class _Reader:
    """Reads for the core what is new: its bytes are valid JSON, and are not asked about again."""

    def __init__(self, folder: Folder, batch: Batch) -> None:
        self._folder = folder
        self._batch = batch

    def kind(self, entity: Entity, key: str) -> tuple[bool, bool, bool, bool, list[bytes]]:
        """Return what the core has to know of facets of one key.

        Returns:
            Whether such a facet passes, is a measurement, has a model, and is dropped; and words, one of which is in
            each that may be redacted.
        """
        redaction = self._folder.redaction
        passes = key in (PASSING_RUN_KEYS if entity == "run" else PASSING_KEYS)
        is_read = (entity, key) in MODELS
        return passes, key in MEASURING_KEYS, is_read, redaction.drops(key), redaction.watched(key)

    def facet(self, entity: Entity, key: str, document_id: bytes, text: bytes) -> tuple[Any, bool]:
        """Read a document that has a model.

        Returns:
            What its run or dataset wants to know of it; and whether other facets of the same structure need not be
            read, since all that matters of them is that they can be.
        """
        value = parse(text)
        read = read_value(entity, key, document_id, value, self._batch, self._folder.naive_zone)
        return read.said, read.content is not None and not read.counts and _is_strictly(read.content, value)

    def unusual_facet(self, entity: Entity, key: str, body: bytes) -> tuple[bytes, Any]:
        """Read a facet of any kind; return its document's id, and what its run or dataset wants to know of it."""
        folder = self._folder
        part = read_body(entity, key, body, self._batch, folder.naive_zone, folder.redaction)
        return part.document_id, part.said

    def job(self, text: bytes) -> tuple[bytes, bytes, int, str | None, list[tuple[Entity, str, bytes, bool]], JobPart]:
        """Take a job apart.

        Returns:
            Its text with marks, its part of a shape, its id, the version of its source; its facets that pass, each with
            whether it is a measurement; and what `shape` wants to have back.
        """
        job = self._folder.read_job(msgspec.Raw(text), self._batch)
        passing = [(*facet, facet[1] in MEASURING_KEYS) for facet in job.facets.passing]
        return job.text.encode(), job.shape, job.job_id, job.source_version, passing, job

    def dataset(self, namespace: str, name: str) -> int:
        """Note a dataset; return its id."""
        return self._batch.name_dataset(DatasetName(namespace, name))

    def aliases(self, dataset_id: int, links: list[tuple[DatasetName, str | None]]) -> None:
        """Note other names of a dataset, as its ``symlinks`` facet said them."""
        add_aliases(dataset_id, links, self._batch)

    def shape(
        self, shape_id: int, job: JobPart, datasets: list[tuple[int, str, list[tuple[str, bytes]], bool]]
    ) -> None:
        """Add a shape: its datasets with direction, lasting facets, and whether one of these tells lineage."""
        parts = [DatasetPart(one, way, b"", tuple(lasting), (), tells) for one, way, lasting, tells in datasets]
        add_shape(shape_id, job, (DatasetsPart("", b"", tuple(parts), False),), self._batch)


def _is_strictly(content: Facet, value: Any) -> bool:
    """Tell whether a value is of its model's types without being converted: then so is any of the same structure."""
    try:
        type(content).model_validate(value, strict=True)
    except ValidationError:
        return False
    return True
