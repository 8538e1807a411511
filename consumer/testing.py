"""Lineage in tests: stores to fold captured events into, and assertions that show the graph when they fail.

The fixtures are in `headwater.pytest_plugin`, which pytest finds by itself. This module needs no pytest, so that it
also serves unittest, a notebook, or a check of a published store::

    from headwater.testing import assert_lineage

    assert_lineage("lineage.duckdb", "landing.customers_ca_raw", "dim_customers")

A dataset is given by its name, by an ending of it that only one dataset has (``dim_customers``), or, where that is not
enough, by the pair of its namespace and name. A name that no dataset has fails each assertion, also those that say
that something is *not* there: a misspelt test must not pass.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

from .clock import SystemClock
from .core import make_folder
from .drawing import Edge, Graph, Node
from .errors import FileUnreadable, UnknownDataset
from .loop import Limits, Loop
from .names import DatasetName
from .naming import Naming
from .redaction import STANDARD, Redaction
from .sources.captured import Message, encode
from .sources.files import FileSource
from .store import Reader, Store

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "LineageCapture",
    "LineageReplay",
    "LineageStore",
    "assert_lineage",
    "assert_no_lineage",
    "assert_no_root_cause",
    "assert_root_cause",
]

Dataset: TypeAlias = "str | tuple[str, str]"
"""A name, a unique ending of one, or namespace and name."""

_SHOWN = 5  # candidates, checks or records that a message lists
_PATIENT = Limits(seconds=math.inf, dead_letter_share=1, dead_letter_run=sys.maxsize, publish_seconds=math.inf)
_THREADS = 2


class LineageReplay(Protocol):
    """What the fixture ``lineage_replay`` gives."""

    def __call__(self, *paths: str | Path, allow_dead_letters: bool = False) -> LineageStore:
        """Fold files or folders into the fixture ``lineage_store``, and return it; see `LineageStore.replay`."""
        ...


class LineageStore:
    """A store of a test's own: captured events are folded into it, and it is asked in SQL.

    It holds no file open between a fold and the next question, so that any DuckDB client can look at `path` too.

    Attributes:
        path: the DuckDB file.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        seed: Path | None = None,
        naming: Naming = Naming(),  # noqa: B008  # it never changes
        naive_zone: tzinfo = UTC,
        redaction: Redaction = Redaction(STANDARD),  # noqa: B008  # it never changes
    ) -> None:
        """Make the store, or open the one that is there.

        Args:
            path: the DuckDB file.
            seed: a store to start from a copy of.
            naming: the rules that join datasets by their names.
            naive_zone: the zone of times that come without one.
            redaction: what is taken out of facets before they are stored.
        """
        self.path = Path(path)
        self._naming = naming
        self._naive_zone = naive_zone
        self._redaction = redaction
        self._reader: Reader | None = None
        Store(self.path, seed=seed, threads=_THREADS).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def replay(self, *paths: Path | str, allow_dead_letters: bool = False) -> Self:
        """Fold captured events, as ``headwater replay`` does: its files, folders and packings.

        Args:
            paths: files and folders.
            allow_dead_letters: keep records that cannot be read as the sidecar does, in the view ``dead_letter``.

        Raises:
            FileUnreadable: a file is missing or broken; or a record of it is no event, unless that is allowed. The rest
                was folded.
        """
        self.close()
        files = FileSource([Path(path).absolute() for path in paths])
        with closing(files), Store(self.path, threads=_THREADS) as store:
            done = Loop(
                files,
                store,
                clock=SystemClock(),
                limits=_PATIENT,
                folder=make_folder(naive_zone=self._naive_zone, redaction=self._redaction),
                publish=lambda: None,
                stopping=lambda: False,
                say=warnings.warn,
                keeps_offsets=False,
                naming=self._naming,
                naive_zone=self._naive_zone,
            ).run()
        if done.dead_letters and not allow_dead_letters:
            raise FileUnreadable(
                f"{done.dead_letters:,} of {done.events + done.dead_letters:,} events cannot be read:\n"
                f"{self._newest_dead_letters()}\nMend the file, or replay it with allow_dead_letters=True."
            )
        return self

    def rows(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query; times are of UTC.

        Raises:
            QueryError: the SQL is wrong.
        """
        return list(zip(*(column.to_pylist() for column in self.query(sql, parameters).columns), strict=True))

    def query(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> pa.Table:
        """Return the result of a query as Arrow, for pandas or polars.

        Raises:
            QueryError: the SQL is wrong.
        """
        return self.reader().query(sql, parameters)

    def digest(self) -> str:
        """Return the hash that ``headwater digest`` prints: equal for stores that folded the same events."""
        return self.reader().digest()

    def reader(self) -> Reader:
        """Return what reads the store, open until something is folded or the store is closed."""
        if self._reader is None:
            self._reader = Reader(self.path, threads=_THREADS)
        return self._reader

    def close(self) -> None:
        """Let go of the file. The store can be used again: it opens by itself."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _newest_dead_letters(self) -> str:
        found = self.rows(
            "SELECT topic, source_offset, reason, detail FROM dead_letter "
            f"ORDER BY received_at DESC, topic, source_offset LIMIT {_SHOWN}"
        )
        return "\n".join(f"  {topic}, {offset}: {reason}: {detail}" for topic, offset, reason, detail in found)


class LineageCapture:
    """What the code under test emitted with the OpenLineage Python client.

    Attributes:
        transport: for a client that is given its transport: ``OpenLineageClient(transport=…)``. Clients that go by
            their configuration have it already.
    """

    def __init__(self, recorded: Path, transport: Any, folder: Path, *, rewrites: bool = False) -> None:
        """Take what is recorded where.

        Args:
            recorded: the file that the transport appends to.
            transport: the transport.
            folder: where relative paths of `write` begin.
            rewrites: `write` replaces files that are there.
        """
        self._rewrites = rewrites
        self.transport = transport
        self._recorded = recorded
        self._folder = folder

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events as they went out, in that order."""
        return [json.loads(line) for line in self._lines()]

    def fold_into(self, store: LineageStore) -> LineageStore:
        """Fold what was emitted until now, and return the store. Doing it again changes nothing.

        Raises:
            AssertionError: nothing was emitted.
            FileUnreadable: something was that is no event.
        """
        __tracebackhide__ = True
        self._expect_events()
        return store.replay(self._recorded)

    def write(self, path: Path | str, topic: str = "openlineage") -> Path:
        """Write what was emitted as ``headwater capture`` would, for ``lineage_replay`` and ``headwater replay``.

        A file that is there stays as it is, so that a run of the tests changes nothing that was committed;
        ``pytest --rewrite-lineage`` writes it anew.

        No broker saw these events: their offsets count from 0, and they have neither key nor timestamp.

        Args:
            path: the file; relative to that of the test. Packed if it ends in .gz or .zst.
            topic: the topic that the events say they came from.

        Returns:
            the path of the file.

        Raises:
            AssertionError: nothing was emitted.
            FileUnreadable: no line of such a file could be read back.
        """
        __tracebackhide__ = True
        from .cli.output import writing

        self._expect_events()
        file = self._folder / path
        if not file.name.removesuffix(".gz").removesuffix(".zst").endswith((".ndjson", ".jsonl")):
            raise FileUnreadable(
                f"{path}: call it .ndjson or .jsonl (also with .gz or .zst), so that it can be replayed."
            )
        if file.exists() and not self._rewrites:
            return file
        file.parent.mkdir(parents=True, exist_ok=True)
        with writing(str(file)) as stream:
            for offset, line in enumerate(self._lines()):
                stream.write(encode(Message(topic, 0, offset, None, None, (), line)) + b"\n")
        return file

    def _lines(self) -> list[bytes]:
        return self._recorded.read_bytes().splitlines() if self._recorded.exists() else []

    def _expect_events(self) -> None:
        __tracebackhide__ = True
        if not self._lines():
            raise AssertionError(
                "The code under test emitted no OpenLineage event. A client that was made before capture_lineage, or "
                "that is told its transport in Python, goes on sending elsewhere: make it inside the test, or give it "
                "capture_lineage.transport."
            )


def assert_lineage(
    store: LineageStore | Reader | Path | str,
    upstream: Dataset,
    downstream: Dataset,
    *,
    direct: bool = False,
    column: str | None = None,
    upstream_column: str | None = None,
    indirect: bool = True,
) -> None:
    """Assert that *downstream* is made from *upstream*, by current edges.

    Args:
        store: a test's store, or the path of a published one.
        upstream: what it should be made from.
        downstream: what should be made from it.
        direct: in one step.
        column: it is this column of *downstream* that is made from *upstream*.
        upstream_column: and from this column of it.
        indirect: a column also counts as made from those that it is only filtered, joined, grouped or sorted by.

    Raises:
        AssertionError: it is not; the message draws what *downstream* is made from.
    """
    __tracebackhide__ = True
    with _opened(store) as reader:
        question = _Question(reader, upstream, downstream, direct, column, upstream_column, indirect)
        problem = None if question.answer() else question.what_is_missing()
    if problem:
        raise AssertionError(problem)


def assert_no_lineage(
    store: LineageStore | Reader | Path | str,
    upstream: Dataset,
    downstream: Dataset,
    *,
    direct: bool = False,
    column: str | None = None,
    upstream_column: str | None = None,
    indirect: bool = True,
) -> None:
    """Assert that *downstream* is not made from *upstream*; the arguments are those of `assert_lineage`.

    Raises:
        AssertionError: it is, and the message draws the way; or a dataset or column is not known, and it lists those
            that are near.
    """
    __tracebackhide__ = True
    with _opened(store) as reader:
        question = _Question(reader, upstream, downstream, direct, column, upstream_column, indirect)
        problem = question.what_is_there() if question.answer() else None
    if problem:
        raise AssertionError(problem)


def assert_root_cause(
    store: LineageStore | Reader | Path | str,
    symptom: Dataset,
    cause: Dataset,
    *,
    field: str | None = None,
    check: str | None = None,
    as_of: datetime | None = None,
) -> None:
    """Assert that *cause* ranks first among what may have broken *symptom*.

    Args:
        store: a test's store, or the path of a published one.
        symptom: the dataset that a check fails on.
        cause: the dataset to blame.
        field: the field that the failing check is about.
        check: the failing check.
        as_of: the moment to ask about; now if it is not given.

    Raises:
        AssertionError: another one does, or none; the message lists the candidates, or the symptom's checks.
    """
    __tracebackhide__ = True
    with _opened(store) as reader:
        expected = _find(reader, cause)
        blamed = _Blamed(reader, symptom, field, check, as_of)
        problem = None if blamed.first == expected else blamed.instead_of(expected)
    if problem:
        raise AssertionError(problem)


def assert_no_root_cause(
    store: LineageStore | Reader | Path | str,
    symptom: Dataset,
    *,
    field: str | None = None,
    check: str | None = None,
    as_of: datetime | None = None,
) -> None:
    """Assert that nothing is to blame: the day was healthy. The arguments are those of `assert_root_cause`.

    Raises:
        AssertionError: something is; the message lists the candidates.
    """
    __tracebackhide__ = True
    with _opened(store) as reader:
        blamed = _Blamed(reader, symptom, field, check, as_of)
        problem = blamed.instead_of(None) if blamed.first else None
    if problem:
        raise AssertionError(problem)


class _Question:
    """Whether one dataset, or a column of it, is made from another."""

    def __init__(
        self,
        reader: Reader,
        upstream: Dataset,
        downstream: Dataset,
        direct: bool,
        column: str | None,
        upstream_column: str | None,
        indirect: bool,
    ) -> None:
        __tracebackhide__ = True
        if upstream_column is not None and column is None:
            raise TypeError(
                "upstream_column says where a column comes from: give the column of the downstream dataset too"
            )
        self._reader = reader
        self._upstream = _find(reader, upstream)
        self._downstream = _find(reader, downstream)
        self._direct = direct
        self._column = column
        self._upstream_column = upstream_column
        self._indirect = indirect
        if column is not None:
            _expect_field(reader, self._downstream, column)
        if upstream_column is not None:
            _expect_field(reader, self._upstream, upstream_column)

    def answer(self) -> bool:
        """Ask the macros of the store: the same answer as an analyst's."""
        arguments: dict[str, Any] = {**self._downstream._asdict(), "depth": 1 if self._direct else None}
        if self._column is None:
            walk = "upstream($namespace, $name, max_depth := $depth)"
        else:
            walk = "column_upstream($namespace, $name, $field, indirect := $indirect, max_depth := $depth)"
            arguments |= {"field": self._column, "indirect": self._indirect}
        where = "namespace = $up_namespace AND name = $up_name"
        arguments |= {"up_namespace": self._upstream.namespace, "up_name": self._upstream.name}
        if self._upstream_column is not None:
            where += " AND field = $up_field"
            arguments["up_field"] = self._upstream_column
        return bool(self._reader.query(f"FROM {walk} WHERE {where} LIMIT 1", arguments).num_rows)

    def what_is_there(self) -> str:
        graph = self._graph()
        steps = graph.path(self._beginnings(graph), self._end())
        return f"{self._claim('is made')}, and should not be:\n\n{graph.draw_path(steps)}"

    def what_is_missing(self) -> str:
        graph = self._graph()
        parts = [f"{self._claim('is not made')}{', in one step' if self._direct else ''}.", self._nearest_to_it(graph)]
        parts.append(graph.upstream_tree(self._end()))
        if self._column is None:
            parts.append(graph.downstream_tree(Node(*self._upstream)))
        return "\n\n".join(filter(None, parts))

    def _nearest_to_it(self, graph: Graph) -> str | None:
        """Say what there is instead, if it explains the failure: more steps, the other way round, tables, the past."""
        if path := graph.path(self._beginnings(graph), self._end()):
            return f"It is in {len(path) - 1} steps:\n\n{graph.draw_path(path)}"
        upstream, downstream = Node(*self._upstream), Node(*self._downstream)
        tables = _table_graph(self._reader, "WHERE is_current")
        if path := tables.path([upstream], downstream):
            return f"The tables are connected, these columns are not:\n\n{tables.draw_path(path)}"
        if path := tables.path([downstream], upstream):
            return f"It is the other way round:\n\n{tables.draw_path(path)}"
        past = _table_graph(self._reader, "")
        if path := past.path([upstream], downstream):
            return f"It was before:\n\n{past.draw_path(path)}"
        return None

    def _claim(self, is_made: str) -> str:
        behind = f".{self._upstream_column}" if self._upstream_column else ""
        ahead = f".{self._column}" if self._column else ""
        return f"{self._downstream.name}{ahead} {is_made} from {self._upstream.name}{behind}"

    def _end(self) -> Node:
        return Node(*self._downstream, self._column)

    def _beginnings(self, graph: Graph) -> list[Node]:
        if self._column is None:
            return [Node(*self._upstream)]
        fields = [self._upstream_column] if self._upstream_column else graph.fields(*self._upstream)
        return [Node(*self._upstream, field) for field in fields]

    def _graph(self) -> Graph:
        if self._column is None:
            return _table_graph(self._reader, "WHERE is_current")
        return _column_graph(self._reader, self._end(), indirect=self._indirect)


class _Blamed:
    """The candidates for what broke a dataset."""

    def __init__(
        self, reader: Reader, symptom: Dataset, field: str | None, check: str | None, as_of: datetime | None
    ) -> None:
        __tracebackhide__ = True
        self._reader = reader
        self._symptom = _find(reader, symptom)
        if field is not None:
            _expect_field(reader, self._symptom, field)
        if check is not None:
            _expect_check(reader, self._symptom, check)
        self._about = "".join(f" with {word} {value}" for word, value in (("field", field), ("check", check)) if value)
        self._candidates = reader.query(
            "FROM root_cause($namespace, $name, fld := $field, check_name := $check, as_of := $as_of::TIMESTAMPTZ)",
            {**self._symptom._asdict(), "field": field, "check": check, "as_of": as_of},
        ).to_pylist()

    @property
    def first(self) -> DatasetName | None:
        """The dataset to blame, if there is one."""
        if not self._candidates:
            return None
        return DatasetName(self._candidates[0]["namespace"], self._candidates[0]["name"])

    def instead_of(self, expected: DatasetName | None) -> str:
        what = f"The root cause of {self._symptom.name}{self._about}"
        if self.first is None:
            return f"{what} is not known: nothing is to blame. Its checks are:\n\n{self._checks()}"
        wanted = f"not {expected.name}" if expected else "and nothing should be to blame"
        said = f"{what} is {self.first.name}, {wanted}.\n\n{self._ranking(expected)}"
        if expected is None or any(_is_about(row, expected) for row in self._candidates):
            return said
        graph = _table_graph(self._reader, "WHERE is_current")
        symptom, cause = Node(*self._symptom), Node(*expected)
        if path := graph.path([cause], symptom):
            return f"{said}\n\n{expected.name} is upstream, and no candidate:\n\n{graph.draw_path(path)}"
        return f"{said}\n\n{expected.name} is not upstream of it. {graph.upstream_tree(symptom)}"

    def _ranking(self, expected: DatasetName | None) -> str:
        """List the best candidates, and the one expected wherever it ranks."""
        shown = self._candidates[:_SHOWN]
        shown += [row for row in self._candidates[_SHOWN:] if expected and _is_about(row, expected)][:1]
        lines = [f"{row['rank']}. {row['name']} ({row['score']:.2f}): {row['evidence']}" for row in shown]
        if len(self._candidates) > len(shown):
            lines.append(f"… and {len(self._candidates) - len(shown):,} more")
        return "\n".join(lines)

    def _checks(self) -> str:
        found = self._reader.query(
            "FROM check_result WHERE namespace = $namespace AND name = $name "
            "QUALIFY row_number() OVER (PARTITION BY check_name, field ORDER BY executed_at DESC) = 1 "
            "ORDER BY status = 'passed', check_name, field",
            self._symptom._asdict(),
        ).to_pylist()
        if not found:
            return f"none: no event has a check result of {self._symptom.name}."
        lines = [
            f"{row['check_name']}{' on ' + row['field'] if row['field'] else ''}: {row['status']}"
            f" at {row['executed_at']:%Y-%m-%d %H:%M:%S} UTC"
            for row in found[: _SHOWN * 2]
        ]
        if len(found) > _SHOWN * 2:
            lines.append(f"… and {len(found) - _SHOWN * 2:,} more")
        return "\n".join(lines)


@contextmanager
def _opened(store: LineageStore | Reader | Path | str) -> Iterator[Reader]:
    if isinstance(store, LineageStore):
        yield store.reader()
    elif isinstance(store, Reader):
        yield store
    else:
        with Reader(Path(store), threads=_THREADS) as reader:
            yield reader


def _find(reader: Reader, dataset: Dataset) -> DatasetName:
    __tracebackhide__ = True
    namespace, name = (None, dataset) if isinstance(dataset, str) else dataset
    try:
        return reader.find_dataset(name, namespace)
    except UnknownDataset as exc:
        said = str(exc).replace("or --namespace.", "or the pair (namespace, name).")
    raise AssertionError(said)


def _expect_field(reader: Reader, dataset: DatasetName, field: str) -> None:
    """Fail for a column that no schema, no column lineage and no check of *dataset* names."""
    __tracebackhide__ = True
    found = reader.query(
        "SELECT field FROM field WHERE namespace = $namespace AND name = $name "
        "UNION SELECT upstream_field FROM column_edge WHERE upstream_namespace = $namespace AND upstream_name = $name "
        "UNION SELECT downstream_field FROM column_edge "
        "WHERE downstream_namespace = $namespace AND downstream_name = $name "
        "UNION SELECT field FROM check_result WHERE namespace = $namespace AND name = $name",
        dataset._asdict(),
    )
    known = sorted(name for name in found.column(0).to_pylist() if name is not None)
    if field in known:
        return
    near = get_close_matches(field, known, n=_SHOWN, cutoff=0)
    hint = f"The closest are: {', '.join(near)}." if near else "No event names a column of it."
    raise AssertionError(f"{dataset.name} has no column {field!r}. {hint}")


def _expect_check(reader: Reader, dataset: DatasetName, check: str) -> None:
    """Fail for a check that has no result for *dataset*."""
    __tracebackhide__ = True
    found = reader.query(
        "SELECT DISTINCT check_name FROM check_result WHERE namespace = $namespace AND name = $name ORDER BY ALL",
        dataset._asdict(),
    )
    known = [str(name) for name in found.column(0).to_pylist()]
    if check in known:
        return
    near = get_close_matches(check, known, n=_SHOWN, cutoff=0)
    hint = f"The closest are: {', '.join(near)}." if near else "No event has a check result of it."
    raise AssertionError(f"{dataset.name} has no check {check!r}. {hint}")


def _is_about(row: Mapping[str, Any], dataset: DatasetName) -> bool:
    return (row["namespace"], row["name"]) == dataset


def _table_graph(reader: Reader, where: str) -> Graph:
    found = reader.query(
        "SELECT upstream_namespace, upstream_name, downstream_namespace, downstream_name, job_name, is_current "
        f"FROM edge {where} ORDER BY ALL"
    )
    rows = zip(*(column.to_pylist() for column in found.columns), strict=True)
    return Graph(Edge(Node(a, b), Node(c, d), job, current) for a, b, c, d, job, current in rows)


def _column_graph(reader: Reader, start: Node, *, indirect: bool) -> Graph:
    """Return the edges between columns; one to a whole dataset leads to each of its columns that is known."""
    where = "WHERE is_current" if indirect else "WHERE is_current AND transformation_type IS DISTINCT FROM 'INDIRECT'"
    found = reader.query(
        "SELECT upstream_namespace, upstream_name, upstream_field, downstream_namespace, downstream_name, "
        f"downstream_field, job_name FROM column_edge {where} ORDER BY ALL"
    )
    edges = [
        Edge(Node(a, b, c), Node(d, e, f), job)
        for a, b, c, d, e, f, job in zip(*(column.to_pylist() for column in found.columns), strict=True)
    ]
    fields: dict[DatasetName, set[Node]] = {}
    for node in (start, *(node for edge in edges for node in edge[:2])):
        fields.setdefault(DatasetName(node.namespace, node.name), set()).add(node)
    return Graph(
        edge._replace(downstream=node)
        for edge in edges
        for node in (
            [edge.downstream]
            if edge.downstream.field is not None
            else fields[DatasetName(edge.downstream.namespace, edge.downstream.name)]
        )
    )
