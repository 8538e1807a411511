"""An event becomes rows. Pure: no I/O, no clock; what comes out depends on the event alone.

An event is taken apart like a tree of content. Each *facet* becomes a document, kept once. What is left of the event's
JSON, with a facet's id wherever a facet was, is the *skeleton*; its hash is the event's id. The job, the inputs and the
outputs with their lasting facets are the *shape*, which repeats from run to run: a year of hourly runs adds rows about
runs and next to nothing else.

Parts of the tree whose bytes were seen before are not parsed again. The caches below only save work: losing one of them
(`Folder.forget`) changes nothing but speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from typing import Any, NamedTuple

import msgspec

from .batch import Arrival, Batch
from .cache import Cache
from .canonical import FACET_MARK, canonical, canonical_bytes, in_order, parse, quoted
from .contents import add_contents
from .errors import UnreadableRecord
from .event import Event, Fields, elements_of, fields_of, job_of, micros_of, string_of
from .facets import (
    MEASURING_KEYS,
    PASSING_KEYS,
    PASSING_RUN_KEYS,
    Entity,
    ErrorMessage,
    Facet,
    JobType,
    NominalTime,
    ParentRun,
    SourceCodeLocation,
    Symlinks,
    read_facet,
)
from .names import DatasetName, JobName, content_id, content_id_64, run_key
from .redaction import Redaction, why_omitted
from .rows import (
    AliasRow,
    EventRow,
    FacetProblemRow,
    Micros,
    NamedRunRow,
    PassingFacetRow,
    RunRow,
    ShapeDatasetRow,
    ShapeFacetRow,
    ShapeRow,
)

_STATE_RANK = {"START": 2, "RUNNING": 2, "COMPLETE": 3, "FAIL": 3, "ABORT": 3, "OTHER": 1}
_PLAIN = frozenset({"eventTime", "eventType", "name", "namespace", "producer", "runId", "schemaURL"})  # no facets there
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


class FacetPart(NamedTuple):
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
    facets: list[FacetPart]
    lasting: tuple[tuple[str, bytes], ...]
    passing: tuple[tuple[Entity, str, bytes], ...]
    digest: bytes  # of what lasts


class Told(NamedTuple):
    """The datasets that a ``lineage`` facet names, and makes inputs and outputs of its job."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class DatasetPart(NamedTuple):
    """A dataset of an event.

    Attributes:
        tells_lineage: a facet says what it is made from.
    """

    dataset_id: int
    direction: str
    shape: bytes
    lasting: tuple[tuple[str, bytes], ...]
    passing: tuple[tuple[Entity, str, bytes], ...]
    tells_lineage: bool


class _Stem(NamedTuple):
    """A dataset without the facets that one run gives it: the texts of its members; the dataset if it has a name."""

    pieces: tuple[str, ...]
    dataset: DatasetPart | None


class DatasetsPart(NamedTuple):
    """The datasets of one array (or the one of a dataset event), their text, and what of them repeats."""

    text: str
    shape: bytes
    datasets: tuple[DatasetPart, ...]
    passing: bool


class JobPart(NamedTuple):
    """A job: its text with marks, what of it repeats, and what is said of it."""

    text: str
    shape: bytes
    job_id: int
    job_type: str | None
    processing_type: str | None
    stands_alone: bool
    source_version: str | None
    told: Told | None
    facets: _FacetMap


_NO_FACETS = _FacetMap("", [], (), (), b"")
_NO_DATASETS = DatasetsPart("", b"", (), False)


class Folder:
    """Folds events into batches, remembering what it has taken apart.

    A cached part is assumed to be in the store or in a batch on its way there. Whoever throws a batch away must call
    `forget`.

    Attributes:
        redaction: what is taken out of facets before they are stored.
        naive_zone: the zone of times that come without one.
    """

    def __init__(
        self,
        cache_bytes: int = 64 << 20,
        naive_zone: tzinfo = UTC,
        redaction: Redaction = Redaction(),  # noqa: B008  # without rules it never changes anything
    ) -> None:
        """Make a folder whose memory of parts takes about twice *cache_bytes* at most.

        A time without a zone is one of *naive_zone*. What *redaction* takes out of a facet is in no row.
        """
        self.naive_zone = naive_zone
        self.redaction = redaction
        self._facets: Cache[tuple[str, str, bytes], FacetPart] = Cache(cache_bytes // 2)
        self._facet_maps: Cache[tuple[str, bytes], _FacetMap] = Cache(cache_bytes // 8)
        self._stems: Cache[tuple[str | bytes, ...], _Stem] = Cache(cache_bytes // 8)
        self._arrays: Cache[tuple[str, bytes], DatasetsPart] = Cache(cache_bytes // 8)
        self._jobs: Cache[bytes, JobPart] = Cache(cache_bytes // 8)
        self._shapes: Cache[tuple[bytes, ...], int] = Cache(cache_bytes // 1024)

    def forget(self) -> None:
        """Take nothing for known: a batch was thrown away."""
        for cache in (self._facets, self._facet_maps, self._stems, self._arrays, self._jobs, self._shapes):
            cache.clear()

    def new_batch(self) -> Batch:
        """Return an empty batch for what is folded."""
        return Batch()

    def fold_ordinary(
        self, records: Sequence[Arrival], received_at: Micros, record_bytes: int, batch: Batch
    ) -> Sequence[int]:
        """Add what records say that hold one ordinary event each; return the places of the others, in order.

        Those have to be decoded and folded one by one. Here that is all of them; see `headwater.core`.

        Args:
            records: as sources return them, each with a value.
            received_at: when they came.
            record_bytes: of one record; a larger one is not read.
            batch: one of `new_batch`.
        """
        return range(len(records))

    def fold(self, event: Event, origin: Origin, batch: Batch) -> None:
        """Add what *event* says to *batch*.

        Raises:
            UnreadableRecord: the event has no job where it needs one, or a facet is not JSON. Nothing that counts was
                added to the batch then.
        """
        texts: dict[str, str] = {}
        run_facets: list[FacetPart] = []
        job = None
        inputs = outputs = dataset = _NO_DATASETS
        if event.kind == "dataset":
            dataset = self._array("dataset", event.fields["dataset"], batch)
            if not dataset.datasets:
                raise UnreadableRecord("not_an_event", "dataset needs namespace and name, two texts")
            texts["dataset"] = dataset.text
        else:
            job = self.read_job(event.fields.get("job"), batch)
            inputs = self._array("input", event.fields.get("inputs"), batch)
            outputs = self._array("output", event.fields.get("outputs"), batch)
            texts.update(job=job.text, inputs=inputs.text, outputs=outputs.text)
        key = None
        if event.run_id is not None:
            key = run_key(event.run_id)
            texts["run"], run_facets = self._run(event.run, batch)
        skeleton = self._skeleton(event.fields, texts)
        event_id = content_id(skeleton.encode())
        shape_id = self._shape(job, (inputs, outputs, dataset), batch)
        row = EventRow(
            event_id, event.kind, event.event_type, event.event_time, key, shape_id, *origin, skeleton=skeleton
        )
        if not batch.ledger.add_event(row):
            return
        batch.ledger.see_shape(shape_id, (event.event_time, event_id))
        if key is not None and job is not None:
            batch.ledger.see_run(_run_row(event, key, event_id, job, run_facets))
        _see_passing_facets(row, job, run_facets, (inputs, outputs, dataset), batch)

    def _skeleton(self, fields: Fields, texts: dict[str, str]) -> str:
        """Return the event's canonical JSON with marks for facets.

        A member that has no business in this kind of event has no text in *texts* and stays as it is.
        """
        members = [prefix + (texts.get(key) or self._rest(key, fields[key])) for key, prefix in in_order(tuple(fields))]
        return f"{{{','.join(members)}}}"

    def _rest(self, key: str, raw: msgspec.Raw) -> str:
        """Return the canonical text of what is no facet; it may hold one all the same, where none belongs."""
        text = canonical(raw)
        return text if key in _PLAIN else self.redaction.rest(key, text)

    def _run(self, members: Fields, batch: Batch) -> tuple[str, list[FacetPart]]:
        """Return the text of a run with marks, and its facets."""
        texts: list[str] = []
        facets: list[FacetPart] = []
        for key, prefix in in_order(tuple(members)):
            found = self._read_facets("run", members[key], batch) if key == "facets" else None
            if found is None:
                texts.append(prefix + self._rest(key, members[key]))
            else:
                text, facets = found
                texts.append(prefix + text)
        return f"{{{','.join(texts)}}}", facets

    def read_job(self, raw: msgspec.Raw | None, batch: Batch) -> JobPart:
        """Take a job apart.

        Raises:
            UnreadableRecord: it is none, or has no name.
        """
        if raw is None:
            raise UnreadableRecord("no_job", _NO_JOB)
        source = bytes(raw)
        known = self._jobs[source]
        if known is None:
            known = self._take_apart_job(raw, batch)
            self._jobs.put(source, known, len(source))
        return known

    def _take_apart_job(self, raw: msgspec.Raw, batch: Batch) -> JobPart:
        name = job_of(raw)
        members = fields_of(raw)
        if name is None or members is None:
            raise UnreadableRecord("no_job", _NO_JOB)
        job_id = batch.name_job(name)
        facets = self._facet_map("job", members["facets"], batch) if "facets" in members else None
        texts = [
            prefix + (facets.text if facets and key == "facets" else self._rest(key, members[key]))
            for key, prefix in in_order(tuple(members))
        ]
        facets = facets or _NO_FACETS
        said = {facet.key: facet.said for facet in facets.facets}
        job_type, processing_type, stands_alone = said.get("jobType") or (None, None, False)
        return JobPart(
            f"{{{','.join(texts)}}}",
            job_id.to_bytes(8, "big") + facets.digest,
            job_id,
            job_type,
            processing_type,
            stands_alone,
            said.get("sourceCodeLocation"),
            said.get("lineage"),
            facets,
        )

    def _array(self, direction: str, raw: msgspec.Raw | None, batch: Batch) -> DatasetsPart:
        """Take apart an array of datasets, or the one dataset of a dataset event."""
        if raw is None:
            return _NO_DATASETS
        source = (direction, bytes(raw))
        known = self._arrays[source]
        if known is None:
            known = self._read_array(direction, raw, batch)
            self._arrays.put(source, known, len(source[1]))
        return known

    def _read_array(self, direction: str, raw: msgspec.Raw, batch: Batch) -> DatasetsPart:
        elements = [raw] if direction == "dataset" else elements_of(raw)
        if elements is None:
            return _NO_DATASETS._replace(text=self._rest(direction, raw))
        datasets: list[DatasetPart] = []
        texts: list[str] = []
        shapes = set()
        for element in elements:
            members = fields_of(element)
            if members is None:
                texts.append(self._rest(direction, element))
                continue
            text, dataset = self._read_dataset(direction, members, batch)
            texts.append(text)
            if dataset is not None:
                datasets.append(dataset)
                shapes.add(dataset.shape)
        text = texts[0] if direction == "dataset" else f"[{','.join(texts)}]"
        shape = content_id(b"".join(sorted(shapes))) if shapes else b""
        return DatasetsPart(text, shape, tuple(datasets), any(item.passing for item in datasets))

    def _read_dataset(self, direction: str, members: Fields, batch: Batch) -> tuple[str, DatasetPart | None]:
        """Take a dataset apart: what it is, which repeats, and the facets that belong to this run alone."""
        key = f"{direction}Facets"
        own = members.pop(key, None)
        stem = self._stem(direction, members, batch)
        found = self._read_facets(_OWN_FACETS[direction], own, batch) if own is not None else None
        if own is None:
            return f"{{{','.join(stem.pieces)}}}", stem.dataset
        piece = f'"{key}":{found[0] if found else self._rest(key, own)}'
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
            pieces.append(prefix + (found.text if found else self._rest(key, members[key])))
        namespace, name = string_of(members.get("namespace")), string_of(members.get("name"))
        if namespace is None or name is None:
            return _Stem(tuple(pieces), None)
        dataset_id = batch.name_dataset(DatasetName(namespace, name))
        for facet in facets.facets:
            if facet.key == "symlinks" and facet.said:
                add_aliases(dataset_id, facet.said, batch)
        shape = dataset_id.to_bytes(8, "big") + facets.digest
        tells_lineage = any(
            facet.key == "columnLineage" or (facet.key == "lineage" and facet.said) for facet in facets.facets
        )
        dataset = DatasetPart(dataset_id, direction, shape, facets.lasting, facets.passing, tells_lineage)
        return _Stem(tuple(pieces), dataset)

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

    def _read_facets(self, entity: Entity, raw: msgspec.Raw, batch: Batch) -> tuple[str, list[FacetPart]] | None:
        """Return the text of a map of facets with marks, and the facets; None if it is no map."""
        bodies = fields_of(raw)
        if bodies is None:
            return None
        facets: list[FacetPart] = []
        texts: list[str] = []
        known = self._facets
        for key in sorted(bodies):
            body = bytes(bodies[key])
            facet = known[entity, key, body]
            if facet is None:
                if body == b"null" or self.redaction.drops(key):
                    texts.append(f"{quoted(key)}:null")
                    continue
                facet = read_body(entity, key, body, batch, self.naive_zone, self.redaction)
                known.put((entity, key, body), facet, len(body) + 200)
            facets.append(facet)
            texts.append(facet.mark)
        return f"{{{','.join(texts)}}}", facets

    def _shape(self, job: JobPart | None, arrays: tuple[DatasetsPart, ...], batch: Batch) -> int:
        key = (job.shape if job else b"", *(array.shape for array in arrays))
        known = self._shapes[key]
        if known is None:
            known = content_id_64(b"".join(len(part).to_bytes(4, "big") + part for part in key))
            self._shapes.put(key, known)
            add_shape(known, job, arrays, batch)
        return known


def read_body(
    entity: Entity, key: str, body: bytes, batch: Batch, naive_zone: tzinfo, redaction: Redaction
) -> FacetPart:
    """Read a facet whose bytes are new, and add what is in it to *batch*.

    Raises:
        UnreadableRecord: it is not JSON.
    """
    said = parse(body)
    text = canonical_bytes(said)
    value = redaction.facet(key, said, text)
    if value is not said:
        text = canonical_bytes(value)
    document_id = content_id(text)
    deleted = isinstance(value, dict) and value.get("_deleted") is True
    batch.ledger.add_document(document_id, text.decode(), deleted)
    mark = f"{quoted(key)}:{FACET_MARK}{document_id.hex()}{FACET_MARK}"
    return FacetPart(key, document_id, mark, read_value(entity, key, document_id, value, batch, naive_zone).said)


class Reading(NamedTuple):
    """What came of reading a document.

    Attributes:
        content: the facet, if it is one that we know and can read.
        said: what its run, job or dataset wants to know of it.
        counts: it makes a difference to some row what it says, or that it is there; else only whether it can be read.
    """

    content: Facet | None
    said: Any
    counts: bool


def read_value(entity: Entity, key: str, document_id: bytes, value: Any, batch: Batch, naive_zone: tzinfo) -> Reading:
    """Read a document, and add what is in it to *batch*.

    Args:
        entity: what carries the facet.
        key: the facet's key.
        document_id: of the document.
        value: what is kept of the facet, as `headwater.canonical.parse` returns it.
        batch: takes the rows.
        naive_zone: the zone of times that come without one.
    """
    problem = why_omitted(value)
    content, problem = (None, problem) if problem else read_facet(entity, key, value)
    if problem is not None:
        batch.facet_problems.add(FacetProblemRow(document_id, entity, key, problem))
    has_rows = content is not None and add_contents(document_id, content, batch)
    if isinstance(content, ParentRun):
        _add_named_runs(content, batch)
    if key == "lineage":
        deleted = isinstance(value, dict) and value.get("_deleted") is True
        said = _told(document_id, deleted, batch)
    else:
        said = _said(content, naive_zone)
    counts = has_rows or said is not None or problem is not None or isinstance(content, ErrorMessage)
    return Reading(content, said, counts)


def _told(document_id: bytes, deleted: bool, batch: Batch) -> Told | None:
    """Return what a new ``lineage`` facet says, None if nothing of it can be read. A deleted one says: it is over."""
    rows = batch.explicit_lineage.get(document_id, ())
    if not (rows or deleted or batch.job_links.get(document_id)):
        return None
    return Told(
        tuple({row.upstream_id for row in rows if row.upstream_id is not None}),
        tuple({row.downstream_id for row in rows if row.downstream_id is not None}),
    )


def _said(content: Facet | None, naive_zone: tzinfo) -> Any:
    """Return what a row about a run or a shape wants to know of a facet."""
    match content:
        case NominalTime():
            return tuple(micros_of(text, naive_zone) for text in (content.nominal_start_time, content.nominal_end_time))
        case ParentRun():
            return content.run.run_id, content.job.namespace, content.job.name, content.root.run.run_id
        case ErrorMessage():
            return content.message
        case JobType():
            pattern = content.emission_pattern
            stands_alone = pattern is not None and pattern.event_content_mode == "COMPLETE_SNAPSHOT"
            return content.job_type, content.processing_type, stands_alone
        case SourceCodeLocation():
            return content.version
        case Symlinks():
            return [(DatasetName(link.namespace, link.name), link.type) for link in content.identifiers]
        case _:
            return None


def _add_named_runs(parent: ParentRun, batch: Batch) -> None:
    for run, job in ((parent.run, parent.job), (parent.root.run, parent.root.job)):
        if run.run_id:
            job_id = None
            if job.namespace is not None and job.name is not None:
                job_id = batch.name_job(JobName(job.namespace, job.name))
            batch.named_runs.add(NamedRunRow(run_key(run.run_id), run.run_id, job_id))


def add_aliases(dataset_id: int, links: Iterable[tuple[DatasetName, str | None]], batch: Batch) -> None:
    """Note the other names of a dataset, each with its type, which may not be said."""
    for name, kind in links:
        batch.aliases.add(AliasRow(dataset_id, batch.name_dataset(name), (kind or "").upper()))


def _make_facet_map(entity: Entity, text: str, facets: list[FacetPart]) -> _FacetMap:
    lasting: tuple[tuple[str, bytes], ...] = ()
    passing = tuple([(entity, facet.key, facet.document_id) for facet in facets])
    if entity in ("job", "dataset"):
        lasting = tuple([facet[1:] for facet in passing if facet[1] not in PASSING_KEYS])
        passing = tuple([facet for facet in passing if facet[1] in PASSING_KEYS])
    digest = content_id(b"".join(key.encode() + b"\0" + document for key, document in lasting)) if lasting else b""
    return _FacetMap(text, facets, lasting, passing, digest)


def add_shape(shape_id: int, job: JobPart | None, arrays: tuple[DatasetsPart, ...], batch: Batch) -> None:
    """Add what a shape is made of, unless the batch has it."""
    if shape_id in batch.shapes:
        return
    datasets = [dataset for array in arrays for dataset in array.datasets]
    # A dataset may stand in an array several times: its facets are those of all of them.
    places = {(dataset.direction, dataset.dataset_id) for dataset in datasets}
    facets = {(d.direction, d.dataset_id, *facet) for d in datasets for facet in d.lasting}
    if job is None:
        row = ShapeRow(shape_id, None, None, None, False, any(dataset.tells_lineage for dataset in datasets))
    else:
        told = job.told or Told((), ())
        places.update(("input", dataset_id) for dataset_id in told.inputs)
        places.update(("output", dataset_id) for dataset_id in told.outputs)
        tells_lineage = bool(places or job.told)
        row = ShapeRow(shape_id, job.job_id, job.job_type, job.processing_type, job.stands_alone, tells_lineage)
        batch.shape_facets.extend(ShapeFacetRow(shape_id, None, None, *facet) for facet in job.facets.lasting)
    batch.shapes[shape_id] = row
    batch.shape_datasets.extend(ShapeDatasetRow(shape_id, *place) for place in sorted(places))
    batch.shape_facets.extend(ShapeFacetRow(shape_id, *facet) for facet in sorted(facets))


def _run_row(event: Event, key: bytes, event_id: bytes, job: JobPart, facets: list[FacetPart]) -> RunRow:
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


def _see_passing_facets(
    event: EventRow, job: JobPart | None, run_facets: list[FacetPart], arrays: tuple[DatasetsPart, ...], batch: Batch
) -> None:
    """Add the facets that change from run to run. Those of the run itself stay in the skeleton, but for a few."""
    job_id = job.job_id if job else None
    stamp = (event.event_time, event.event_id)
    see = batch.ledger.see_passing_facet
    for facet in run_facets:
        if facet.key in PASSING_RUN_KEYS:
            row = PassingFacetRow("run", event.run_key, None, None, job_id, facet.key, *stamp, facet.document_id)
            see(row, facet.key in MEASURING_KEYS)
    if job:
        for entity, key, document_id in job.facets.passing:
            row = PassingFacetRow(entity, event.run_key, None, None, job_id, key, *stamp, document_id)
            see(row, key in MEASURING_KEYS)
    for array in arrays:
        if not array.passing:
            continue
        for dataset in array.datasets:
            place = (event.run_key, dataset.direction, dataset.dataset_id, job_id)
            for entity, key, document_id in dataset.passing:
                see(PassingFacetRow(entity, *place, key, *stamp, document_id), key in MEASURING_KEYS)
