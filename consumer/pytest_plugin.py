"""The pytest plugin: captured events replayed in tests, and what the code under test emits recorded.

pytest finds it by its entry point and imports it in every run, so it imports nothing but pytest until a test asks for
one of its fixtures. The assertions are in `headwater.testing`: a test imports them by name, so that readers and type
checkers know where they come from, and they work outside of pytest too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .testing import LineageCapture, LineageReplay, LineageStore


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that makes ``capture_lineage.write`` replace files."""
    parser.getgroup("headwater", "captured lineage").addoption(
        "--rewrite-lineage",
        action="store_true",
        help="capture_lineage.write(…) replaces files that are there, instead of leaving them as they are",
    )


@pytest.fixture(scope="session")
def _empty_lineage_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty store to copy: copying takes a twentieth of the time."""
    from .testing import LineageStore

    path = tmp_path_factory.mktemp("headwater") / "empty.duckdb"
    LineageStore(path).close()
    return path


@pytest.fixture
def lineage_store(_empty_lineage_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineageStore]:
    """An empty store to fold captured events into and to query; closed afterwards.

    ``headwater.toml`` and ``HEADWATER_…`` say what datasets are called in it, as they do for ``headwater replay``.
    """
    from .errors import SettingsError
    from .settings import settings
    from .testing import LineageStore

    problem = ""
    try:
        chosen = settings()
    except SettingsError as exc:
        problem = str(exc)
    if problem:
        pytest.fail(problem, pytrace=False)
    path = tmp_path_factory.mktemp("lineage") / "lineage.duckdb"
    with LineageStore(path, seed=_empty_lineage_store, naming=chosen.naming, naive_zone=chosen.naive_zone) as store:
        yield store


@pytest.fixture
def lineage_replay(lineage_store: LineageStore, request: pytest.FixtureRequest) -> LineageReplay:
    """A function that folds captured events into ``lineage_store`` and returns it: ``lineage_replay("events.ndjson")``.

    Paths are relative to the test's file, else to the rootdir. It reads whatever ``headwater replay`` reads.
    """
    from .errors import HeadwaterError

    folders = (request.path.parent, request.config.rootpath)

    def replay(*paths: str | Path, allow_dead_letters: bool = False) -> LineageStore:
        __tracebackhide__ = True
        found = [_existing(path, folders) for path in paths]
        problem = ""
        try:
            return lineage_store.replay(*found, allow_dead_letters=allow_dead_letters)
        except HeadwaterError as exc:
            problem = str(exc)
        pytest.fail(problem)

    return replay


@pytest.fixture
def capture_lineage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LineageCapture]:
    """What the code under test emits with the OpenLineage Python client, which sends nothing meanwhile.

    Each client that is made during the test records, also in a process that the test starts; the rest of the client's
    configuration (facets, filters, tags) holds. A client of before, or one that is told its transport in Python, takes
    ``capture_lineage.transport``.
    """
    transport_type = _recording_transport()
    from .recording import RecordingConfig
    from .testing import LineageCapture

    folder = tmp_path_factory.mktemp("recorded")
    recorded = folder / "recorded.ndjson"
    transport = transport_type(RecordingConfig(recorded))
    with pytest.MonkeyPatch.context() as patch:
        _configure_clients(patch, folder / "openlineage.yml", recorded)
        yield LineageCapture(
            recorded, transport, request.path.parent, rewrites=request.config.getoption("rewrite_lineage")
        )


def _existing(path: str | Path, folders: tuple[Path, ...]) -> Path:
    __tracebackhide__ = True
    for folder in folders:
        if (folder / path).exists():
            return folder / path
    pytest.fail(
        f"{path}: there is no such file or folder beside the test, in {folders[0]}, nor in the rootdir, {folders[-1]}. "
        "Record one with 'headwater capture', or with capture_lineage.write(…), and commit it."
    )


def _recording_transport() -> Any:
    """Return the transport's class; fail with a sentence if there is no OpenLineage client."""
    missing = ""
    try:
        from .recording import RecordingTransport
    except ModuleNotFoundError as exc:
        missing = exc.name or ""
        if missing.partition(".")[0] != "openlineage":
            raise
    if missing:
        pytest.fail(
            "capture_lineage records what the OpenLineage Python client emits, and that is not installed here. Install "
            "it beside the code under test with 'pip install openlineage-python'. lineage_replay needs no client.",
            pytrace=False,
        )
    return RecordingTransport


def _configure_clients(patch: pytest.MonkeyPatch, config: Path, recorded: Path) -> None:
    """Make clients record: a file that is named in the environment wins over one that lies in the current folder."""
    chosen = _configuration_of_the_project()
    chosen["transport"] = {"type": "headwater.recording.RecordingTransport", "path": str(recorded)}
    config.write_text(json.dumps(chosen, default=str), encoding="utf-8")  # what is JSON is YAML too
    for name in list(os.environ):
        # OPENLINEAGE_URL would become one of the variables of the transport, and they are merged into the file.
        if name.upper().startswith("OPENLINEAGE__TRANSPORT") or name in ("OPENLINEAGE_URL", "OPENLINEAGE_DISABLED"):
            patch.delenv(name)
    patch.setenv("OPENLINEAGE_CONFIG", str(config))


def _configuration_of_the_project() -> dict[str, Any]:
    """Return what the client would read in openlineage.yml; not that of the home, which is a developer's own."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    file = Path(os.environ.get("OPENLINEAGE_CONFIG") or "openlineage.yml")
    if not file.is_file():
        return {}
    try:
        found = YAML(typ="safe", pure=True).load(file)
    except YAMLError:
        return {}  # the client, too, only logs it
    return found if isinstance(found, dict) else {}
