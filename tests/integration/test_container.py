"""The image of docker/Dockerfile, run as production runs it: nobody is root, nothing but /data can be written.

A Docker engine is needed. `.ci/run` builds the image and names it in HEADWATER_TEST_IMAGE; without that, the image is
built here where the engine can fetch the public base image.
"""

from __future__ import annotations

import gc
import os
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from _producer import PATIENCE, Feed, account, clean_digest, digest, published, reading
from broker import Broker, free_port
from support import ROOT, SALES

if TYPE_CHECKING:
    from conftest import MakeTopic

pytestmark = pytest.mark.slow

PARTITIONS = 3
RECORDS_A_SECOND = 300
KILLS = 3
SECOND = 1_000_000_000  # the engine counts in nanoseconds


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    """Yield a client of a Docker engine that answers; it has no types."""
    client = connected()
    if client is None:
        give_up = pytest.fail if "HEADWATER_TEST_IMAGE" in os.environ else pytest.skip
        give_up("No Docker engine answers.")
    yield client
    client.close()


def connected() -> Any:
    from testcontainers.core.docker_client import DockerClient

    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        try:
            return DockerClient().client
        except Exception:  # of docker, urllib3 or requests
            gc.collect()  # what the client left open is told off for here, where it may be
            return None


@pytest.fixture(scope="module")
def image(engine: Any) -> str:
    """Return the name of the image; it is there."""
    given = os.environ.get("HEADWATER_TEST_IMAGE")
    if given is None:
        name = "headwater:test"
        command = ["docker", "build", "--quiet", "--file", "docker/Dockerfile", "--tag", name, "."]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            pytest.skip(f"The image cannot be built here: {(done.stderr.strip().splitlines() or ['?'])[-1]}.")
        return name
    assert engine.images.list(given), f"HEADWATER_TEST_IMAGE is {given}, and the engine has no such image"
    return given


class Sidecar:
    """A container that consumes into a folder of the host, with the settings of compose.yaml and Kubernetes."""

    def __init__(self, engine: Any, image: str, data: Path, **environment: str) -> None:
        data.mkdir()
        data.chmod(0o777)  # on the host the container's user is nobody
        self.store = data / "lineage.duckdb"
        self._container = engine.containers.create(
            image,
            environment={name.upper(): value for name, value in environment.items()},
            network_mode="host",  # where the broker of the tests is
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            mem_limit="1g",
            healthcheck={"interval": SECOND},  # the rest as the image has it
            volumes={str(data): {"bind": "/data", "mode": "rw"}},
        )

    def start(self) -> None:
        self._container.start()

    def kill(self) -> None:
        self._container.kill("SIGKILL")
        self._container.wait()

    def stop(self) -> int:
        """End it as `docker stop` does, and return its exit code."""
        self._container.stop(timeout=30)
        return int(self._container.wait()["StatusCode"])

    def remove(self) -> None:
        self._container.remove(force=True, v=True)

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command in the container, and return its exit code and what it said."""
        code, output = self._container.exec_run(list(command))
        return int(code), output.decode()

    @property
    def said(self) -> str:
        return str(self._container.logs().decode())

    @property
    def health(self) -> str:
        return str(self._state()["Health"]["Status"])

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self._state()["Running"], f"it ended while we waited until {what}: {self.said}"
            assert time.monotonic() < deadline, f"waited {PATIENCE} s in vain until {what}: {self.said}"
            time.sleep(0.1)

    def _state(self) -> dict[str, Any]:
        self._container.reload()
        return dict(self._container.attrs["State"])


@pytest.fixture
def sidecar(engine: Any, image: str, broker: Broker, topic: MakeTopic, tmp_path: Path) -> Iterator[Any]:
    """Yield a container for a topic of its own; it is not started."""
    made = Sidecar(
        engine,
        image,
        tmp_path / "data",
        headwater_bootstrap_servers=broker.bootstrap_servers,
        headwater_listen=f"127.0.0.1:{free_port()}",
        headwater_topic=topic(PARTITIONS),
        headwater_publish_every="0.1",
    )
    yield made
    made.remove()


def topic_of(sidecar: Sidecar) -> str:
    code, name = sidecar.run("printenv", "HEADWATER_TOPIC")
    assert code == 0
    return name.strip()


def test_it_runs_as_nobody_writes_its_data_only_and_ends_when_it_is_told(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.until("it is healthy", lambda: sidecar.health == "healthy")

    assert sidecar.run("id", "-u") == (0, "10001\n")
    for place in ("/", "/tmp", "/opt/headwater", "/etc"):
        code, said = sidecar.run("touch", f"{place}/file")
        assert (code, "Read-only file system" in said) == (1, True), said
    assert sidecar.run("touch", "/data/file") == (0, "")
    _, groups = sidecar.run("grep", "-E", "^(CapEff|NoNewPrivs)", "/proc/1/status")
    assert groups.split() == ["CapEff:", "0000000000000000", "NoNewPrivs:", "1"]
    assert sidecar.stop() == 0, sidecar.said
    assert "Done: 0 records" in sidecar.said


def test_it_is_not_healthy_where_nobody_consumes(engine: Any, image: str) -> None:
    container = engine.containers.run(
        image, ["-c", "sleep 60"], entrypoint="sh", detach=True, network_mode="none", healthcheck={"interval": SECOND}
    )
    try:
        deadline = time.monotonic() + PATIENCE
        log: list[dict[str, Any]] = []
        while not log:
            assert time.monotonic() < deadline, "the engine did not look"
            time.sleep(0.2)
            container.reload()
            log = container.attrs["State"]["Health"]["Log"]
        assert log[0]["ExitCode"] == 1
        assert container.attrs["State"]["Health"]["Status"] != "healthy"
    finally:
        container.remove(force=True, v=True)


def test_killed_again_and_again_it_folds_every_record_once_while_analysts_read(
    sidecar: Sidecar, broker: Broker, tmp_path: Path
) -> None:
    sidecar.start()
    name = topic_of(sidecar)
    covered = [0]
    with Feed(broker, name, partitions=PARTITIONS) as feed:
        with feed.flowing(RECORDS_A_SECOND):
            for _ in range(KILLS):
                sidecar.until("more is published", lambda: published(sidecar.store) > covered[-1])
                with reading(sidecar.store) as analyst:
                    before = analyst.execute("SELECT count(*) FROM event").fetchall()
                    sidecar.kill()
                    covered.append(published(sidecar.store))
                    sidecar.start()
                    assert analyst.execute("SELECT count(*) FROM event").fetchall() == before
        total = sum(feed.produced.values())
        sidecar.until("it has caught up", lambda: published(sidecar.store) == total)
        sidecar.until("it is healthy", lambda: sidecar.health == "healthy")
        assert sidecar.stop() == 0, sidecar.said
        account(sidecar.store, broker, name, feed)
    assert digest(sidecar.store) == clean_digest(broker, name, tmp_path)
    assert covered == sorted(set(covered)), "a life brought nothing, or a snapshot was behind an earlier one"
    assert "Traceback" not in sidecar.said


def test_the_demo_of_the_image_names_the_table_to_blame(engine: Any, image: str) -> None:
    """The wheel in the image has all that the package needs: SQL, recordings, entry point."""
    said = engine.containers.run(image, ["demo"], read_only=True, network_mode="none", remove=True).decode()
    assert "→ 1. sales.landing.customers_ca_raw  field customer_id " in said


def test_what_the_producer_of_the_demo_writes_is_what_was_recorded(
    engine: Any, image: str, broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    name, store = topic(PARTITIONS), tmp_path / "data" / "lineage.duckdb"
    days = [f"/demo/events/{day}_day.ndjson" for day in ("healthy", "broken")]
    said = engine.containers.run(
        image,
        ["/demo/produce.py", "--bootstrap-servers", broker.bootstrap_servers, "--topic", name, *days],
        entrypoint="python3",
        network_mode="host",
        read_only=True,
        remove=True,
        volumes={
            str(ROOT / "docker" / "produce.py"): {"bind": "/demo/produce.py", "mode": "ro"},
            str(SALES / "events"): {"bind": "/demo/events", "mode": "ro"},
        },
    ).decode()
    assert len(said.splitlines()) == 68
    store.parent.mkdir()
    store.parent.chmod(0o777)
    engine.containers.run(
        image,
        ["consume", "--until-caught-up", "--bootstrap-servers", broker.bootstrap_servers, "--topic", name],
        environment={"HEADWATER_LISTEN": f"127.0.0.1:{free_port()}"},
        network_mode="host",
        read_only=True,
        remove=True,
        volumes={str(store.parent): {"bind": "/data", "mode": "rw"}},
    )
    with duckdb.connect(str(store), read_only=True) as analyst:
        answer = analyst.execute(
            "FROM root_cause('duckdb:///srv/sales.duckdb', 'sales.data_mart.dim_customers', fld := 'customer_id') "
            "SELECT name LIMIT 1"
        ).fetchall()
    assert answer == [("sales.landing.customers_ca_raw",)]
    assert digest(store) == clean_digest(broker, name, tmp_path)
