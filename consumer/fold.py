"""An event becomes rows. Pure: no I/O, no clock; what comes out depends on the event alone.

An event is taken apart like a tree of content. Each *facet* becomes a document, kept once. What is left of the event's
JSON, with a facet's id wherever a facet was, is the *skeleton*; its hash is the event's id. The job, the inputs and the
outputs with their lasting facets are the *shape*, which repeats from run to run: a year of hourly runs adds rows about
runs and next to nothing else.

Parts of the tree whose bytes were seen before are not parsed again. The caches below only save work: losing one of them
(`Folder.forget`) changes nothing but speed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from .batch import Batch
from .cache import Cache
from .canonical import FACET_MARK, canonical, canonical_bytes, in_order, parse, quoted
from .contents import add_contents
from .errors import UnreadableRecord
from .event import Event, Fields, elements_of, fields_of, job_of, micros_of, string_of
from .facets import (
    PASSING_KEYS,
    Entity,
    ErrorMessage,
    Facet,
    JobType,
    NominalTime,
    ParentRun,
    SourceCodeLocation,
    read_facet,
)
from .names import DatasetName, content_id, content_id_64, name_id, run_key
from .rows import (
    DocumentRow,
    EventRow,
    FacetProblemRow,
    Micros,
    NameRow,
    PassingFacetRow,
    RunRow,
    ShapeDatasetRow,
    ShapeFacetRow,
    ShapeRow,
)

_STATE_RANK = {"START": 2, "RUNNING": 2, "COMPLETE": 3, "FAIL": 3, "ABORT": 3, "OTHER": 1}
_NO_JOB = "the event needs a job with namespace and name, two texts"

# What the facets that a run gives its inputs and outputs belong to.
_OWN_FACETS: dict[str, Entity] = {"input": "input", "output": "output", "dataset": "dataset"}


class Origin(NamedTuple):
    """Where an event came from, and when."""

    topic: str
    partition: int
    offset: int
    element: int
    received_at: Micros


class _Facet(NamedTuple):
    """A facet.

    Attributes:
        mark: what stands for it in a skeleton, its key included.
        said: what its run or job wants to know of it, see `_said`.
    """

    key: str
    document_id: bytes
    mark: str
    said: Any


class _FacetMap(NamedTuple):
    """A map of facets: its text with marks, its facets, and which of them last and which pass."""

    text: str
    facets: list[_Facet]
    lasting: tuple[tuple[str, bytes], ...]
    passing: tuple[tuple[Entity, str, bytes], ...]
    digest: bytes  # of what lasts


class _Dataset(NamedTuple):
    dataset_id: int
    direction: str
    shape: bytes
    lasting: tuple[tuple[str, bytes], ...]
    passing: tuple[tuple[Entity, str, bytes], ...]


class _Stem(NamedTuple):
    """A dataset without the facets that one run gives it: the texts of its members; the dataset if it has a name."""

    pieces: tuple[str, ...]
    dataset: _Dataset | None


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
    facets: _FacetMap


_NO_FACETS = _FacetMap("", [], (), (), b"")
_NO_DATASETS = _Datasets("", b"", (), False)


class Folder:
    """Folds events into batches, remembering what it has taken apart.

    A cached part is assumed to be in the store or in a batch on its way there. Whoever throws a batch away must call
    `forget`.
    """

    def __init__(self, cache_bytes: int = 64 << 20) -> None:
        """Make a folder whose memory of parts takes about twice *cache_bytes* at most."""
        self._facets: Cache[tuple[str, str, bytes], _Facet] = Cache(cache_bytes // 2)
        self._facet_maps: Cache[tuple[str, bytes], _FacetMap] = Cache(cache_bytes // 8)
        self._stems: Cache[tuple[str | bytes, ...], _Stem] = Cache(cache_bytes // 8)
        self._arrays: Cache[tuple[str, bytes], _Datasets] = Cache(cache_bytes // 8)
        self._jobs: Cache[bytes, _Job] = Cache(cache_bytes // 8)
        self._shapes: Cache[tuple[bytes, ...], int] = Cache(cache_bytes // 1024)

    def forget(self) -> None:
        """Take nothing for known: a batch was thrown away."""
        for cache in (self._facets, self._facet_maps, self._stems, self._arrays, self._jobs, self._shapes):
            cache.clear()

    def fold(self, event: Event, origin: Origin, batch: Batch) -> None:
        """Add what *event* says to *batch*.

        Raises:
            UnreadableRecord: the event has no job where it needs one, or a facet is not JSON. Nothing that counts was
                added to the batch then.
        """
        texts: dict[str, str] = {}
        run_facets: list[_Facet] = []
        job = None
        inputs = outputs = dataset = _NO_DATASETS
        if event.kind == "dataset":
            dataset = self._array("dataset", event.fields["dataset"], batch)
            if not dataset.datasets:
                raise UnreadableRecord("not_an_event", "dataset needs namespace and name, two texts")
            texts["dataset"] = dataset.text
        else:
            job = self._job(event.fields.get("job"), batch)
            inputs = self._array("input", event.fields.get("inputs"), batch)
            outputs = self._array("output", event.fields.get("outputs"), batch)
            texts.update(job=job.text, inputs=inputs.text, outputs=outputs.text)
        key = None
        if event.run_id is not None:
            key = run_key(event.run_id)
            texts["run"], run_facets = self._run(event.run, batch)
        skeleton = _skeleton(event.fields, texts)
        event_id = content_id(skeleton.encode())
        shape_id = self._shape(job, (inputs, outputs, dataset), batch)
        row = EventRow(
            event_id, event.kind, event.event_type, event.event_time, key, shape_id, *origin, skeleton=skeleton
        )
        if not batch.add_event(row):
            return
        batch.see_shape(shape_id, (event.event_time, event_id))
        if key is not None and job is not None:
            batch.see_run(_run_row(event, key, event_id, job, run_facets))
        _see_passing_facets(row, job, (inputs, outputs, dataset), batch)

    def _run(self, members: Fields, batch: Batch) -> tuple[str, list[_Facet]]:
        """Return the text of a run with marks, and its facets."""
        texts: list[str] = []
        facets: list[_Facet] = []
        for key, prefix in in_order(tuple(members)):
            found = self._read_facets("run", members[key], batch) if key == "facets" else None
            if found is None:
                texts.append(prefix + canonical(members[key]))
            else:
                text, facets = found
                texts.append(prefix + text)
        return f"{{{','.join(texts)}}}", facets

    def _job(self, raw: msgspec.Raw | None, batch: Batch) -> _Job:
        if raw is None:
            raise UnreadableRecord("no_job", _NO_JOB)
        source = bytes(raw)
        known = self._jobs[source]
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
        facets = self._facet_map("job", members["facets"], batch) if "facets" in members else None
        texts = [
            prefix + (facets.text if facets and key == "facets" else canonical(members[key]))
            for key, prefix in in_order(tuple(members))
        ]
        facets = facets or _NO_FACETS
        said = {facet.key: facet.said for facet in facets.facets}
        job_type, processing_type = said.get("jobType") or (None, None)
        return _Job(
            f"{{{','.join(texts)}}}",
            job_id.to_bytes(8, "big") + facets.digest,
            job_id,
            job_type,
            processing_type,
            said.get("sourceCodeLocation"),
            facets,
        )

    def _array(self, direction: str, raw: msgspec.Raw | None, batch: Batch) -> _Datasets:
        """Take apart an array of datasets, or the one dataset of a dataset event."""
        if raw is None:
            return _NO_DATASETS
        source = (direction, bytes(raw))
        known = self._arrays[source]
        if known is None:
            known = self._read_array(direction, raw, batch)
            self._arrays.put(source, known, len(source[1]))
        return known

    def _read_array(self, direction: str, raw: msgspec.Raw, batch: Batch) -> _Datasets:
        elements = [raw] if direction == "dataset" else elements_of(raw)
        if elements is None:
            return _NO_DATASETS._replace(text=canonical(raw))
        datasets: list[_Dataset] = []
        texts: list[str] = []
        shapes = set()
        for element in elements:
            members = fields_of(element)
            if members is None:
                texts.append(canonical(element))
                continue
            text, dataset = self._read_dataset(direction, members, batch)
            texts.append(text)
            if dataset is not None:
                datasets.append(dataset)
                shapes.add(dataset.shape)
        text = texts[0] if direction == "dataset" else f"[{','.join(texts)}]"
        shape = content_id(b"".join(sorted(shapes))) if shapes else b""
        return _Datasets(text, shape, tuple(datasets), any(item.passing for item in datasets))

    def _read_dataset(self, direction: str, members: Fields, batch: Batch) -> tuple[str, _Dataset | None]:
        """Take a dataset apart: what it is, which repeats, and the facets that belong to this run alone."""
        key = f"{direction}Facets"
        own = members.pop(key, None)
        stem = self._stem(direction, members, batch)
        found = self._read_facets(_OWN_FACETS[direction], own, batch) if own is not None else None
        if own is None:
            return f"{{{','.join(stem.pieces)}}}", stem.dataset
        piece = f'"{key}":{found[0] if found else canonical(own)}'
        text = f"{{{','.join(sorted((*stem.pieces, piece)))}}}"
        if not found or stem.dataset is None:
            return text, stem.dataset
        entity = _OWN_FACETS[direction]
        passing = [(entity, facet.key, facet.document_id) for facet in found[1]]
        return text, stem.dataset._replace(passing=(*stem.dataset.passing, *passing))

    def _stem(self, direction: str, members: Fields, batch: Batch) -> _Stem:
        source: tuple[str | bytes, ...] = (direction, *members, *map(bytes, members.values()))
        known = self._stems[source]
        if known is None:
            known = self._read_stem(direction, members, batch)
            self._stems.put(source, known, sum(map(len, source)))
        return known

    def _read_stem(self, direction: str, members: Fields, batch: Batch) -> _Stem:
        facets = _NO_FACETS
        pieces = []
        for key, prefix in in_order(tuple(members)):
            found = self._facet_map("dataset", members[key], batch) if key == "facets" else None
            facets = found or facets
            pieces.append(prefix + (found.text if found else canonical(members[key])))
        namespace, name = string_of(members.get("namespace")), string_of(members.get("name"))
        if namespace is None or name is None:
            return _Stem(tuple(pieces), None)
        dataset_id = name_id(DatasetName(namespace, name))
        batch.datasets[dataset_id] = NameRow(dataset_id, namespace, name)
        shape = dataset_id.to_bytes(8, "big") + facets.digest
        return _Stem(tuple(pieces), _Dataset(dataset_id, direction, shape, facets.lasting, facets.passing))

    def _facet_map(self, entity: Entity, raw: msgspec.Raw, batch: Batch) -> _FacetMap | None:
        """Take a map of facets apart; None if it is no map."""
        source = (entity, bytes(raw))
        known = self._facet_maps[source]
        if known is None:
            found = self._read_facets(entity, raw, batch)
            if found is not None:
                known = _make_facet_map(entity, *found)
                self._facet_maps.put(source, known, len(source[1]))
        return known

    def _read_facets(self, entity: Entity, raw: msgspec.Raw, batch: Batch) -> tuple[str, list[_Facet]] | None:
        """Return the text of a map of facets with marks, and the facets; None if it is no map."""
        bodies = fields_of(raw)
        if bodies is None:
            return None
        facets: list[_Facet] = []
        texts: list[str] = []
        known = self._facets
        for key in sorted(bodies):
            body = bytes(bodies[key])
            facet = known[entity, key, body]
            if facet is None:
                if body == b"null":
                    texts.append(f"{quoted(key)}:null")
                    continue
                facet = _read_facet(entity, key, body, batch)
                known.put((entity, key, body), facet, len(body) + 200)
            facets.append(facet)
            texts.append(facet.mark)
        return f"{{{','.join(texts)}}}", facets

    def _shape(self, job: _Job | None, arrays: tuple[_Datasets, ...], batch: Batch) -> int:
        key = (job.shape if job else b"", *(array.shape for array in arrays))
        known = self._shapes[key]
        if known is None:
            known = content_id_64(b"".join(len(part).to_bytes(4, "big") + part for part in key))
            self._shapes.put(key, known)
            _add_shape(known, job, arrays, batch)
        return known


def _read_facet(entity: Entity, key: str, body: bytes, batch: Batch) -> _Facet:
    """Read a facet whose bytes are new."""
    value = parse(body)
    text = canonical_bytes(value)
    document_id = content_id(text)
    content, problem = read_facet(entity, key, value)
    deleted = isinstance(value, dict) and value.get("_deleted") is True
    batch.documents[document_id] = DocumentRow(document_id, text.decode(), deleted)
    if problem is not None:
        batch.facet_problems.add(FacetProblemRow(document_id, entity, key, problem))
    if content is not None:
        add_contents(document_id, content, batch)
    mark = f"{quoted(key)}:{FACET_MARK}{document_id.hex()}{FACET_MARK}"
    return _Facet(key, document_id, mark, _said(content))


def _said(content: Facet | None) -> Any:
    """Return what a row about a run or a shape wants to know of a facet."""
    match content:
        case NominalTime():
            return micros_of(content.nominal_start_time), micros_of(content.nominal_end_time)
        case ParentRun():
            return content.run.run_id, content.job.namespace, content.job.name, content.root.run.run_id
        case ErrorMessage():
            return content.message
        case JobType():
            return content.job_type, content.processing_type
        case SourceCodeLocation():
            return content.version
        case _:
            return None


def _make_facet_map(entity: Entity, text: str, facets: list[_Facet]) -> _FacetMap:
    lasting: tuple[tuple[str, bytes], ...] = ()
    passing = tuple([(entity, facet.key, facet.document_id) for facet in facets])
    if entity in ("job", "dataset"):
        lasting = tuple([facet[1:] for facet in passing if facet[1] not in PASSING_KEYS])
        passing = tuple([facet for facet in passing if facet[1] in PASSING_KEYS])
    digest = content_id(b"".join(key.encode() + b"\0" + document for key, document in lasting)) if lasting else b""
    return _FacetMap(text, facets, lasting, passing, digest)


def _add_shape(shape_id: int, job: _Job | None, arrays: tuple[_Datasets, ...], batch: Batch) -> None:
    if shape_id in batch.shapes:
        return
    if job is None:
        batch.shapes[shape_id] = ShapeRow(shape_id, None, None, None)
    else:
        batch.shapes[shape_id] = ShapeRow(shape_id, job.job_id, job.job_type, job.processing_type)
        batch.shape_facets.extend(ShapeFacetRow(shape_id, None, None, *facet) for facet in job.facets.lasting)
    for array in arrays:
        # A dataset may stand in an array several times: its facets are those of all of them.
        places = {(dataset.direction, dataset.dataset_id) for dataset in array.datasets}
        facets = {(d.direction, d.dataset_id, *facet) for d in array.datasets for facet in d.lasting}
        batch.shape_datasets.extend(ShapeDatasetRow(shape_id, *place) for place in sorted(places))
        batch.shape_facets.extend(ShapeFacetRow(shape_id, *facet) for facet in sorted(facets))


def _run_row(event: Event, key: bytes, event_id: bytes, job: _Job, facets: list[_Facet]) -> RunRow:
    moment = event.event_time
    stamp = (moment, event_id)
    nominal = parent = error = None
    for facet in facets:  # by key, so that parent comes before parentRun, its old name
        match facet.key:
            case "nominalTime" if facet.said:
                nominal = (*stamp, *facet.said)
            case "parent" | "parentRun" if facet.said and parent is None:
                parent = (*stamp, *facet.said)
            case "errorMessage":
                error = (*stamp, facet.said)
    kind = event.event_type
    return RunRow(
        run_key=key,
        run_id=event.run_id or "",
        first_at=moment,
        started_at=moment if kind == "START" else None,
        last_at=moment,
        state=(_STATE_RANK[kind], *stamp, "RUNNING" if kind == "START" else kind) if kind else None,
        job=(*stamp, job.job_id),
        producer=(*stamp, string_of(event.fields.get("producer"))),
        nominal=nominal,
        parent=parent,
        error=error,
        source=(*stamp, job.source_version) if job.source_version else None,
    )


def _see_passing_facets(event: EventRow, job: _Job | None, arrays: tuple[_Datasets, ...], batch: Batch) -> None:
    """Add the facets that change from run to run. Those of the run itself stay in the skeleton: nothing joins them."""
    job_id = job.job_id if job else None
    stamp = (event.event_time, event.event_id)
    if job:
        for entity, key, document_id in job.facets.passing:
            batch.see_passing_facet(
                PassingFacetRow(entity, event.run_key, None, None, job_id, key, *stamp, document_id)
            )
    for array in arrays:
        if not array.passing:
            continue
        for dataset in array.datasets:
            place = (event.run_key, dataset.direction, dataset.dataset_id, job_id)
            for entity, key, document_id in dataset.passing:
                batch.see_passing_facet(PassingFacetRow(entity, *place, key, *stamp, document_id))


def _skeleton(fields: Fields, texts: dict[str, str]) -> str:
    """Return the event's canonical JSON with marks for facets.

    A member that has no business in this kind of event has no text in *texts* and stays as it is.
    """
    members = [prefix + (texts.get(key) or canonical(fields[key])) for key, prefix in in_order(tuple(fields))]
    return f"{{{','.join(members)}}}"
