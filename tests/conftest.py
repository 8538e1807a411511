"""What all tests share."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest
from broker import Broker, NoBrokerError, open_broker
from headwater.store import Store
from support import Told, empty

WAY = pytest.StashKey[str]()


class MakeTopic(Protocol):
    def __call__(self, partitions: int = 1, **configs: object) -> str: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=20, help="how often test_kill.py kills the sidecar (20)")
    parser.addoption("--kill-seed", type=int, help="the moments of an earlier run of test_kill.py")


def pytest_configure() -> None:
    for name in list(os.environ):
        if name.startswith("HEADWATER_") and not name.startswith("HEADWATER_TEST_"):
            del os.environ[name]  # a developer's own settings are not the tests'
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # fixtures clean up as they do on Ctrl-C


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "broker" in getattr(item, "fixturenames", ()):
            item.add_marker("kafka")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if WAY in config.stash:
        terminalreporter.write_line(f"Kafka: {config.stash[WAY]}.")


@pytest.fixture(scope="session")
def broker(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """Yield a real Kafka broker; see broker.py for where it comes from."""
    try:
        opened = open_broker()
    except NoBrokerError as reason:
        pytestconfig.stash[WAY] = f"none; {reason}"
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(f"no Kafka broker: {reason}.")
    with closing(opened):
        pytestconfig.stash[WAY] = opened.way
        yield opened


@pytest.fixture
def topic(broker: Broker) -> Iterator[MakeTopic]:
    """Yield a function that makes a topic for this test alone and returns its name."""
    names: list[str] = []

    def make(partitions: int = 1, **configs: object) -> str:
        name = f"headwater-{uuid4().hex}"
        broker.create_topic(name, partitions, **configs)
        names.append(name)
        return name

    yield make
    broker.start()  # a test may have left it stopped
    for name in names:
        broker.delete_topic(name)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder that is a file system of its own, of 48 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def store_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Yield one store for the tests of a module: emptying it is faster than making another."""
    with Store(tmp_path_factory.mktemp("store") / "live.duckdb") as opened:
        yield opened


@pytest.fixture
def told(store_of_the_module: Store) -> Told:
    """Return an empty store that can be told events."""
    empty(store_of_the_module)
    return Told(store_of_the_module)
