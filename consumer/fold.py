"""An event becomes rows. Pure: no I/O, no clock; what comes out depends on the event alone.

An event is taken apart like a tree of content. Each *facet* becomes a document, kept once. What is left of the
event's JSON, with a facet's id wherever a facet was, is the *skeleton*; its hash is the event's id. The job, the
inputs and the outputs with their lasting facets are the *shape*, which repeats from run to run: a year of hourly runs
adds rows about runs and next to nothing else.

Parts of the tree whose bytes were seen before are not parsed again. The caches below only save work: losing one of them
(`Folder.forget`) changes nothing but speed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from .batch import Batch
from .cache import Cache
from .errors import UnreadableRecord
from .event import Event, Fields, elements_of, fields_of, job_of, micros_of, string_of
from .facets import (
    PASSING_KEYS,
    Assertion,
    ColumnLineage,
    DataQualityAssertions,
    Entity,
    ErrorMessage,
    Facet,
    InputField,
    JobType,
    NominalTime,
    ParentRun,
    Schema,
    SchemaField,
    SourceCodeLocation,
    Symlinks,
    read_facet,
)
from .names import DatasetName, content_id, content_id_64, name_id, run_key
from .rows import (
    AssertionRow,
    ColumnLineageRow,
    DocumentRow,
    EventRow,
    FacetProblemRow,
    Micros,
    NameRow,
    PassingFacetRow,
    RunRow,
    SchemaFieldRow,
    ShapeDatasetRow,
    ShapeFacetRow,
    ShapeRow,
    SymlinkRow,
)

# A facet's id stands in the skeleton between two of these. JSON has no raw control characters, so nothing that a
# producer sends can look like one.
FACET_MARK = "\x01"

_PARTS = ("dataset", "inputs", "job", "outputs", "run")
_STATE_RANK = {"START": 2, "RUNNING": 2, "COMPLETE": 3, "FAIL": 3, "ABORT": 3, "OTHER": 1}

# Numbers keep their digits: 64-bit snapshot ids and 1.10 come out as they went in.
_decode_json = msgspec.json.Decoder(float_hook=Decimal).decode
_encode_json = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


class Origin(NamedTuple):
    """Where an event came from, and when."""

    topic: str
    partition: int
    offset: int
    element: int
    received_at: Micros


class _Facet(NamedTuple):
    key: str
    document_id: bytes
    mark: str
    content: Facet | None


class _Dataset(NamedTuple):
    dataset_id: int
    direction: str
    lasting: tuple[tuple[str, bytes], ...]
    passing: tuple[tuple[Entity, str, bytes], ...]


class _Datasets(NamedTuple):
    """The datasets of one array (or the one of a dataset event), their text, and what of them repeats."""

    text: str
    shape: bytes
    datasets: tuple[_Dataset, ...]
    passing: bool


class _Job(NamedTuple):
    text: str
    shape: bytes
    job_id: int
    job_type: str | None
    processing_type: str | None
    source_version: str | None
    lasting: tuple[tuple[str, bytes], ...]
    passing: tuple[tuple[str, bytes], ...]


_NO_JOB = "the event needs a job with namespace and name, two texts"
_NO_DATASETS = _Datasets("null", b"", (), False)


class Folder:
    """Folds events into batches, remembering what it has taken apart.

    A cached part is assumed to be in the store or in a batch on its way there. Whoever throws a batch away must call
    `forget`.
    """

    def __init__(self, cache_bytes: int = 64 << 20) -> None:
        """Make a folder whose memory of parts takes about twice *cache_bytes* at most."""
        self._facets: Cache[tuple[Entity, str, bytes], _Facet] = Cache(cache_bytes // 2)
        self._jobs: Cache[bytes, _Job] = Cache(cache_bytes // 8)
        self._arrays: Cache[tuple[str, bytes], _Datasets] = Cache(cache_bytes // 4)
        self._shapes: Cache[tuple[bytes, ...], int] = Cache(cache_bytes // 1024)

    def forget(self) -> None:
        """Take nothing for known: a batch was thrown away."""
        self._facets.clear()
        self._jobs.clear()
        self._arrays.clear()
        self._shapes.clear()

    def fold(self, event: Event, origin: Origin, batch: Batch) -> None:
        """Add what *event* says to *batch*.

        Raises:
            UnreadableRecord: the event has no job where it needs one, or a facet is not JSON. Nothing that counts was
            added
                to the batch then.
        """
        job, inputs, outputs, dataset = self._parts(event, batch)
        run_facets, run_text = self._members(event.run, {"facets": "run"}, batch) if event.run_id else ([], "null")
        texts = {
            "job": job.text if job else None,
            "inputs": inputs.text,
            "outputs": outputs.text,
            "dataset": dataset.text,
            "run": run_text,
        }
        skeleton = _skeleton(event, texts)
        event_id = content_id(skeleton.encode())
        shape_id = self._shape(job, (inputs, outputs, dataset), batch)
        key = run_key(event.run_id) if event.run_id else None
        row = EventRow(
            event_id, event.kind, event.event_type, event.event_time, key, shape_id, *origin, skeleton=skeleton
        )
        if not batch.add_event(row):
            return
        batch.see_shape(shape_id, (event.event_time, event_id))
        if key and job:
            batch.see_run(_run_row(event, key, event_id, job, run_facets))
        _see_passing_facets(row, job, (inputs, outputs, dataset), run_facets, batch)

    def _parts(self, event: Event, batch: Batch) -> tuple[_Job | None, _Datasets, _Datasets, _Datasets]:
        """Take apart what the event is about; members that have no business in this kind of event stay plain JSON."""
        if event.kind == "dataset":
            dataset = self._array("dataset", event.fields["dataset"], batch)
            if not dataset.datasets:
                raise UnreadableRecord("not_an_event", "dataset needs namespace and name, two texts")
            return None, _NO_DATASETS, _NO_DATASETS, dataset
        job = self._job(event.fields.get("job"), batch)
        inputs = self._array("input", event.fields.get("inputs"), batch)
        outputs = self._array("output", event.fields.get("outputs"), batch)
        return job, inputs, outputs, _NO_DATASETS

    def _job(self, raw: msgspec.Raw | None, batch: Batch) -> _Job:
        if raw is None:
            raise UnreadableRecord("no_job", _NO_JOB)
        source = bytes(raw)
        known = self._jobs.get(source)
        if known is None:
            known = self._read_job(raw, batch)
            self._jobs.put(source, known, len(source))
        return known

    def _read_job(self, raw: msgspec.Raw, batch: Batch) -> _Job:
        name = job_of(raw)
        members = fields_of(raw)
        if name is None or members is None:
            raise UnreadableRecord("no_job", _NO_JOB)
        job_id = name_id(name)
        batch.jobs[job_id] = NameRow(job_id, *name)
        facets, text = self._members(members, {"facets": "job"}, batch)
        job_type: JobType | None = None
        source: SourceCodeLocation | None = None
        for _, facet in facets:
            if isinstance(facet.content, JobType):
                job_type = facet.content
            elif isinstance(facet.content, SourceCodeLocation):
                source = facet.content
        lasting = tuple(sorted((f.key, f.document_id) for _, f in facets if f.key not in PASSING_KEYS))
        return _Job(
            text,
            _digest(job_id, lasting),
            job_id,
            job_type.job_type if job_type else None,
            job_type.processing_type if job_type else None,
            source.version if source else None,
            lasting,
            tuple((f.key, f.document_id) for _, f in facets if f.key in PASSING_KEYS),
        )

    def _array(self, direction: str, raw: msgspec.Raw | None, batch: Batch) -> _Datasets:
        """Take apart an array of datasets, or the one dataset of a dataset event."""
        if raw is None:
            return _NO_DATASETS
        source = bytes(raw)
        known = self._arrays.get((direction, source))
        if known is None:
            known = self._read_array(direction, raw, batch)
            self._arrays.put((direction, source), known, len(source))
        return known

    def _read_array(self, direction: str, raw: msgspec.Raw, batch: Batch) -> _Datasets:
        elements = [raw] if direction == "dataset" else elements_of(raw)
        if elements is None:
            return _NO_DATASETS._replace(text=_canonical(raw))
        datasets: list[_Dataset] = []
        texts: list[str] = []
        for element in elements:
            dataset, text = self._read_dataset(direction, element, batch)
            texts.append(text)
            if dataset is not None:
                datasets.append(dataset)
        text = texts[0] if direction == "dataset" else f"[{','.join(texts)}]"
        shape = b"".join(sorted({_digest(item.dataset_id, item.lasting) for item in datasets}))
        return _Datasets(text, shape, tuple(datasets), any(item.passing for item in datasets))

    def _read_dataset(self, direction: str, raw: msgspec.Raw, batch: Batch) -> tuple[_Dataset | None, str]:
        members = fields_of(raw)
        if members is None:
            return None, _canonical(raw)
        maps: dict[str, Entity] = {"facets": "dataset"}
        if direction == "input":
            maps["inputFacets"] = "input"
        elif direction == "output":
            maps["outputFacets"] = "output"
        namespace, name = string_of(members.get("namespace")), string_of(members.get("name"))
        facets, text = self._members(members, maps, batch)
        if namespace is None or name is None:
            return None, text
        dataset_id = self._dataset_id(DatasetName(namespace, name), batch)
        lasting = {(f.key, f.document_id) for entity, f in facets if _is_lasting(entity, f.key)}
        passing = {(entity, f.key, f.document_id) for entity, f in facets if not _is_lasting(entity, f.key)}
        return _Dataset(dataset_id, direction, tuple(sorted(lasting)), tuple(sorted(passing))), text

    def _dataset_id(self, name: DatasetName, batch: Batch) -> int:
        dataset_id = name_id(name)
        batch.datasets[dataset_id] = NameRow(dataset_id, *name)
        return dataset_id

    def _members(
        self, members: Fields, maps: dict[str, Entity], batch: Batch
    ) -> tuple[list[tuple[Entity, _Facet]], str]:
        """Return the facets of a JSON object and its text, the facets being replaced by marks.

        Args:
            members: the object.
            maps: which of its members are maps of facets, and what carries those.
            batch: takes the documents that are new.
        """
        facets: list[tuple[Entity, _Facet]] = []
        texts: list[str] = []
        for key in sorted(members):
            entity = maps.get(key)
            facet_map = fields_of(members[key]) if entity else None
            if entity is None or facet_map is None:
                texts.append(f"{_quoted(key)}:{_canonical(members[key])}")
                continue
            marks = []
            for facet_key in sorted(facet_map):
                body = bytes(facet_map[facet_key])
                if body == b"null":
                    marks.append(f"{_quoted(facet_key)}:null")
                    continue
                facet = self._facet(entity, facet_key, body, batch)
                facets.append((entity, facet))
                marks.append(f"{_quoted(facet_key)}:{facet.mark}")
            texts.append(f"{_quoted(key)}:{{{','.join(marks)}}}")
        return facets, f"{{{','.join(texts)}}}"

    def _facet(self, entity: Entity, key: str, body: bytes, batch: Batch) -> _Facet:
        known = self._facets.get((entity, key, body))
        if known is None:
            known = self._read_facet(entity, key, body, batch)
            self._facets.put((entity, key, body), known, len(body) + 200)
        return known

    def _read_facet(self, entity: Entity, key: str, body: bytes, batch: Batch) -> _Facet:
        value = _parse(body)
        text = _encode_json(value)
        document_id = content_id(text)
        content, problem = read_facet(entity, key, value)
        deleted = isinstance(value, dict) and value.get("_deleted") is True
        batch.documents[document_id] = DocumentRow(document_id, text.decode(), deleted)
        if problem is not None:
            batch.facet_problems.add(FacetProblemRow(document_id, entity, key, problem))
        if content is not None:
            self._expand(document_id, content, batch)
        return _Facet(key, document_id, f"{FACET_MARK}{document_id.hex()}{FACET_MARK}", content)

    def _expand(self, document_id: bytes, content: Facet, batch: Batch) -> None:
        """Add the rows inside a facet that is a small table of its own."""
        if isinstance(content, Schema):
            batch.schema_fields[document_id] = _schema_fields(document_id, content.fields)
        elif isinstance(content, ColumnLineage):
            batch.column_lineage[document_id] = self._column_lineage(document_id, content, batch)
        elif isinstance(content, DataQualityAssertions):
            batch.assertions[document_id] = [
                _assertion(document_id, ordinal, said) for ordinal, said in enumerate(content.assertions)
            ]
        elif isinstance(content, Symlinks):
            batch.symlinks[document_id] = [
                SymlinkRow(document_id, link.namespace, link.name, link.type) for link in content.identifiers
            ]

    def _column_lineage(self, document_id: bytes, content: ColumnLineage, batch: Batch) -> list[ColumnLineageRow]:
        pairs: list[tuple[str | None, InputField]] = [(None, source) for source in content.dataset]
        for field, output in content.fields.items():
            pairs.extend((field, source) for source in output.input_fields)
        rows = set()
        for downstream_field, source in pairs:
            upstream_id = self._dataset_id(DatasetName(source.namespace, source.name), batch)
            # A column without transformations is an edge all the same: how it gets there was not said.
            ways = {(t.type or None, t.subtype or None, t.masking) for t in source.transformations}
            for way in ways or {(None, None, None)}:
                rows.add(ColumnLineageRow(document_id, downstream_field, upstream_id, source.field, *way))
        return list(rows)

    def _shape(self, job: _Job | None, arrays: tuple[_Datasets, ...], batch: Batch) -> int:
        key = (job.shape if job else b"", *(array.shape for array in arrays))
        known = self._shapes.get(key)
        if known is None:
            known = content_id_64(b"\0".join(key))
            self._shapes.put(key, known)
            _add_shape(known, job, arrays, batch)
        return known


def _add_shape(shape_id: int, job: _Job | None, arrays: tuple[_Datasets, ...], batch: Batch) -> None:
    if shape_id in batch.shapes:
        return
    if job is None:
        batch.shapes[shape_id] = ShapeRow(shape_id, None, None, None)
    else:
        batch.shapes[shape_id] = ShapeRow(shape_id, job.job_id, job.job_type, job.processing_type)
        batch.shape_facets.extend(ShapeFacetRow(shape_id, None, None, *facet) for facet in job.lasting)
    for array in arrays:
        places = {(dataset.direction, dataset.dataset_id) for dataset in array.datasets}
        facets = {(d.direction, d.dataset_id, *facet) for d in array.datasets for facet in d.lasting}
        batch.shape_datasets.extend(ShapeDatasetRow(shape_id, *place) for place in sorted(places))
        batch.shape_facets.extend(ShapeFacetRow(shape_id, *facet) for facet in sorted(facets))


def _run_row(event: Event, key: bytes, event_id: bytes, job: _Job, facets: list[tuple[Entity, _Facet]]) -> RunRow:
    stamp = (event.event_time, event_id)
    nominal: tuple[Any, ...] | None = None
    parent: tuple[Any, ...] | None = None
    error: tuple[Any, ...] | None = None
    content: Facet | None
    for _, facet in facets:
        content = facet.content
        if isinstance(content, NominalTime):
            nominal = (*stamp, micros_of(content.nominal_start_time), micros_of(content.nominal_end_time))
        elif isinstance(content, ParentRun) and (facet.key == "parent" or parent is None):
            job_name, root = content.job, content.root
            parent = (*stamp, content.run.run_id, job_name.namespace, job_name.name, root.run.run_id)
        elif isinstance(content, ErrorMessage):
            error = (*stamp, content.message)
    kind = event.event_type
    name = "RUNNING" if kind == "START" else kind
    return RunRow(
        run_key=key,
        run_id=event.run_id or "",
        first_at=event.event_time,
        started_at=event.event_time if kind == "START" else None,
        last_at=event.event_time,
        state=(_STATE_RANK[kind], *stamp, name) if kind and name else None,
        job=(*stamp, job.job_id),
        producer=(*stamp, string_of(event.fields.get("producer"))),
        nominal=nominal,
        parent=parent,
        error=error,
        source=(*stamp, job.source_version) if job.source_version else None,
    )


def _see_passing_facets(
    event: EventRow,
    job: _Job | None,
    arrays: tuple[_Datasets, ...],
    run_facets: list[tuple[Entity, _Facet]],
    batch: Batch,
) -> None:
    job_id = job.job_id if job else None
    stamp = (event.event_time, event.event_id)
    for _, facet in run_facets:
        batch.see_passing_facet(
            PassingFacetRow("run", event.run_key, None, None, None, facet.key, *stamp, facet.document_id)
        )
    if job:
        for key, document_id in job.passing:
            batch.see_passing_facet(PassingFacetRow("job", event.run_key, None, None, job_id, key, *stamp, document_id))
    for array in arrays:
        if not array.passing:
            continue
        for dataset in array.datasets:
            place = (event.run_key, dataset.direction, dataset.dataset_id, job_id)
            for entity, key, document_id in dataset.passing:
                batch.see_passing_facet(PassingFacetRow(entity, *place, key, *stamp, document_id))


def _assertion(document_id: bytes, ordinal: int, said: Assertion) -> AssertionRow:
    return AssertionRow(
        document_id,
        ordinal,
        said.assertion,
        said.name,
        said.column,
        said.success,
        said.severity,
        said.expected,
        said.actual,
    )


def _is_lasting(entity: Entity, key: str) -> bool:
    return entity == "dataset" and key not in PASSING_KEYS


def _schema_fields(
    document_id: bytes, fields: list[SchemaField], prefix: str = "", start: int = 0
) -> list[SchemaFieldRow]:
    rows: list[SchemaFieldRow] = []
    for field in fields:
        name = prefix + field.name
        rows.append(SchemaFieldRow(document_id, name, start + len(rows), field.type, field.description))
        rows.extend(_schema_fields(document_id, field.fields, f"{name}.", start + len(rows)))
    return rows


def _digest(identity: int, lasting: tuple[tuple[str, bytes], ...]) -> bytes:
    """Return the part of a shape's identity that one job or dataset makes up."""
    pieces = [identity.to_bytes(8, "big")]
    for key, document_id in lasting:
        pieces += (key.encode(), b"\0", document_id)
    return content_id(b"".join(pieces))


def _skeleton(event: Event, texts: dict[str, str | None]) -> str:
    """Return the event's canonical JSON with marks for facets."""
    members = []
    for key in sorted(event.fields):
        text = texts.get(key) if key in _PARTS else None
        if text is None or text == "null":  # not a part of this kind of event: whatever is there stays as it is
            text = _canonical(event.fields[key])
        members.append(f"{_quoted(key)}:{text}")
    return f"{{{','.join(members)}}}"


def _quoted(key: str) -> str:
    return _encode_json(key).decode()


def _canonical(raw: msgspec.Raw) -> str:
    return _encode_json(_parse(raw)).decode()


def _parse(raw: bytes | msgspec.Raw) -> Any:
    try:
        return _decode_json(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise UnreadableRecord("invalid_json", str(exc)) from exc
