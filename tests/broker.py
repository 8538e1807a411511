"""A real Kafka broker for tests: from a container, else as a local process, else one that is given.

    testcontainers   a Docker engine answers; image apache/kafka, or HEADWATER_TEST_KAFKA_IMAGE
    local process    Java 17 and the jars of docker/kafka/pom.xml, which Maven fetches once into .cache/kafka
    given            HEADWATER_TEST_BOOTSTRAP_SERVERS; it cannot be stopped from here

The first two are set up by docker/kafka/server.properties and leave nothing behind. What is not in the
standard library is imported where it is used, so that importing this module is cheap.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from xml.etree import ElementTree

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import TopicMetadata
    from testcontainers.core.container import DockerContainer

ROOT = Path(__file__).resolve().parent.parent
KAFKA = ROOT / "docker" / "kafka"
START_SECONDS = 60.0
STOP_SECONDS = 15
FETCH_SECONDS = 240


AnyBroker = TypeVar("AnyBroker", bound="Broker")


class NoBrokerError(Exception):
    """A broker cannot be had in this way; the message is a sentence without its full stop."""


class Broker(ABC):
    """One Kafka node that tests may do anything with."""

    bootstrap_servers: str
    way: str

    def create_topic(self, name: str, partitions: int = 1, **configs: object) -> None:
        """Create a topic, ready to be written to; `retention_ms=1` sets `retention.ms`."""
        from confluent_kafka.cimpl import NewTopic

        config = {key.replace("_", "."): str(value) for key, value in configs.items()}
        admin = self._admin()
        self._done(admin.create_topics([NewTopic(name, partitions, 1, config=config)]))
        self._until(lambda: self._partitions(name) == partitions, f"topic {name} to be there")

    def delete_topic(self, name: str) -> None:
        """Delete a topic and wait until it is gone."""
        admin = self._admin()
        self._done(admin.delete_topics([name]))
        self._until(lambda: name not in self._topics(), f"topic {name} to be gone")

    def delete_records(self, topic: str, before: dict[int, int]) -> None:
        """Delete the records before an offset of each partition; -1 is the end."""
        from confluent_kafka import TopicPartition

        wanted = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
        admin = self._admin()
        self._done(admin.delete_records(wanted))

    def start(self) -> None:
        """Bring the broker back, at the same address and with its data; a running one stays as it is."""
        if not self._running():
            self._start()
            self._until(self._ready, f"the broker at {self.bootstrap_servers}", START_SECONDS)

    def stop(self) -> None:
        """Take the broker away until `start`; its address and its data stay."""
        if self._running():
            self._stop()

    @abstractmethod
    def close(self) -> None:
        """End the broker and remove everything it left."""

    @abstractmethod
    def _running(self) -> bool: ...

    @abstractmethod
    def _start(self) -> None: ...

    @abstractmethod
    def _stop(self) -> None: ...

    def _check(self) -> None:  # noqa: B027 - nothing to see from here, unless a subclass knows better
        """Raise `NoBrokerError` if it is clear that the broker will not come."""

    def _until(self, condition: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self._check()
            if time.monotonic() > deadline:
                raise NoBrokerError(f"waited {seconds:.0f} s in vain for {what}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        """Tell whether the broker answers and every partition has its leader back."""
        from confluent_kafka import KafkaException

        try:
            metadata = self._admin().list_topics(timeout=1)
        except KafkaException:
            return False
        return bool(metadata.brokers) and all(_led(topic) for topic in metadata.topics.values())

    def _topics(self) -> dict[str, TopicMetadata]:
        return self._admin().list_topics(timeout=10).topics

    def _partitions(self, name: str) -> int:
        topic = self._topics().get(name)
        return len(topic.partitions) if topic is not None and _led(topic) else 0

    def _admin(self) -> AdminClient:
        """Make a client for one use: one that is kept would be busy all the time that the broker is away.

        Hold on to it until its futures are done; they fail when it is gone.
        """
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})

    @staticmethod
    def _done(futures: dict[Any, Future[Any]]) -> None:
        for future in futures.values():
            future.result(timeout=30)


class Extras(NamedTuple):
    """What a broker has beyond docker/kafka/server.properties.

    Attributes:
        listeners: further listeners for clients, by name (letters only), with their security protocols.
        advertised: where clients are sent instead, by name of the listener: to a proxy.
        settings: of the broker.
    """

    listeners: Mapping[str, str] = MappingProxyType({})
    advertised: Mapping[str, str] = MappingProxyType({})
    settings: Mapping[str, str] = MappingProxyType({})


class OwnBroker(Broker):
    """A broker that is started here, on ports that are chosen up front so that they outlive a stop.

    Attributes:
        addresses: of its listeners, by name.
        controller: the address of the controller.
    """

    def __init__(self, extras: Extras = Extras()) -> None:
        self._extras = extras
        self._port = free_port()
        self._ports = {name: free_port() for name in extras.listeners}
        self._controller_port = free_port()
        self.controller = f"127.0.0.1:{self._controller_port}"
        self.addresses: dict[str, str] = {}
        try:
            self._prepare()
            self.start()
        except BaseException:  # Ctrl-C too
            self.close()
            raise

    @abstractmethod
    def _prepare(self) -> None:
        """Set the address and get ready for `start`."""

    def _settings(self, host: str, bind: str, data: str) -> dict[str, str]:
        """Return the whole configuration in the form that Apache's image and docker/kafka/run take."""
        ports = {"PLAINTEXT": self._port, **self._ports}
        self.addresses = {name: f"{host}:{port}" for name, port in ports.items()}
        advertised = {**self.addresses, **self._extras.advertised}
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **self._extras.listeners}
        bound = [f"{name}://{bind}:{port}" for name, port in ports.items()]
        if "process.roles" not in self._extras.settings:  # it is the controller too
            bound.append(f"CONTROLLER://{self.controller}")
        addresses = {
            "listeners": ",".join(bound),
            "advertised.listeners": ",".join(f"{name}://{address}" for name, address in advertised.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "controller.quorum.voters": f"1@{self.controller}",
            "log.dirs": data,
        }
        settings = {**_properties(KAFKA / "server.properties"), **addresses, **self._extras.settings}
        return {"KAFKA_" + key.upper().replace(".", "_").replace("-", "___"): value for key, value in settings.items()}


class ContainerBroker(OwnBroker):
    """Kafka in a container, by testcontainers."""

    _container: DockerContainer | None = None
    _created = False
    _up = False

    def _prepare(self) -> None:
        from testcontainers.core.config import testcontainers_config

        testcontainers_config.ryuk_disabled = True  # another image to fetch; we remove our own container
        self._image = os.environ.get("HEADWATER_TEST_KAFKA_IMAGE") or f"apache/kafka:{kafka_version()}"
        self.way = f"testcontainers, image {self._image}"
        self._container = _container(self._image)
        if self._container is None:
            raise NoBrokerError("no Docker engine answers")
        host = self._container.get_docker_client().host()
        self.bootstrap_servers = f"{host}:{self._port}"
        for port in (self._port, *self._ports.values()):
            self._container.with_bind_ports(port, port)
        self._container.with_envs(**self._settings(host, "0.0.0.0", "/var/lib/kafka/data"))

    def _start(self) -> None:
        assert self._container is not None
        start = self._engine_container.start if self._created else self._container.start
        try:
            start()
        except Exception as error:
            reason = _first_line(getattr(error, "explanation", None) or error)  # the engine's own words
            raise NoBrokerError(f"the image {self._image} did not start: {reason}") from error
        self._created = self._up = True

    def _check(self) -> None:
        container = self._engine_container
        container.reload()
        if container.status == "exited":
            log = container.logs(tail=1).decode(errors="replace").strip()
            raise NoBrokerError(f"the container of {self._image} ended: {log}")

    def _stop(self) -> None:
        self._engine_container.stop(timeout=STOP_SECONDS)
        self._up = False

    def _running(self) -> bool:
        return self._up

    @property
    def _engine_container(self) -> Any:
        assert self._container is not None
        return self._container.get_wrapped_container()

    def close(self) -> None:
        if self._container is not None:
            self._container.stop()  # and removes it
        self._up = False


class ProcessBroker(OwnBroker):
    """Kafka as a local process in a session of its own."""

    way = "a local process"
    _folder: Path | None = None
    _process: subprocess.Popen[bytes] | None = None

    # The shell between us and Java waits for the end of its input, which comes when we close it and also when
    # we are killed, and ends the broker then.
    _SUPERVISE = """
        exec 3<&0
        "$@" </dev/null 3<&- & broker=$!
        { cat <&3; kill $broker; } >/dev/null 2>&1 &
        wait $broker
    """

    def _prepare(self) -> None:
        if shutil.which("java") is None:
            raise NoBrokerError("there is no Java for a local process")
        self._jars = fetch_jars()
        self._folder = Path(tempfile.mkdtemp(prefix="headwater-kafka-"))
        self.bootstrap_servers = f"127.0.0.1:{self._port}"
        foreign = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
        self._environment = foreign | self._settings("127.0.0.1", "127.0.0.1", str(self._folder / "data"))

    def _start(self) -> None:
        assert self._folder is not None
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", self._SUPERVISE, "sh", str(KAFKA / "run"), str(self._jars)],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we end the broker when the tests are done with it
            )

    def _check(self) -> None:
        if self._folder is not None and self._process is not None and self._process.poll() is not None:
            log = (self._folder / "log").read_text(errors="replace").strip()
            raise NoBrokerError(f"the local process ended: {_first_line(log) or 'it did not say why'}")

    def _stop(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):  # nobody is left, as it should be
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _running(self) -> bool:
        return self._process is not None

    def close(self) -> None:
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder)


class GivenBroker(Broker):
    """A broker of somebody else, which stays as it is but for our topics."""

    def __init__(self) -> None:
        try:
            self.bootstrap_servers = os.environ["HEADWATER_TEST_BOOTSTRAP_SERVERS"]
        except KeyError:
            raise NoBrokerError("HEADWATER_TEST_BOOTSTRAP_SERVERS is not set") from None
        self.way = f"the given broker at {self.bootstrap_servers}"
        self._until(self._ready, f"an answer from {self.bootstrap_servers}", 10.0)

    def _running(self) -> bool:
        return True

    def _start(self) -> None:
        raise NotImplementedError

    def _stop(self) -> None:
        import pytest

        pytest.skip("the broker of HEADWATER_TEST_BOOTSTRAP_SERVERS cannot be stopped from here")

    def close(self) -> None:
        pass


def open_broker() -> Broker:
    """Start a broker in the first way that works; its `way` says which, and why not an earlier one."""
    return _first_that_works((ContainerBroker, ProcessBroker, GivenBroker))


def open_own_broker(extras: Extras) -> OwnBroker:
    """Start a broker with extras, in the first way that works."""
    return _first_that_works((partial(ContainerBroker, extras), partial(ProcessBroker, extras)))


def _first_that_works(kinds: Iterable[Callable[[], AnyBroker]]) -> AnyBroker:
    refusals: list[str] = []
    for kind in kinds:
        try:
            broker = kind()
        except NoBrokerError as reason:
            refusals.append(str(reason))
        else:
            broker.way += f" ({'; '.join(refusals)})" if refusals else ""
            return broker
    raise NoBrokerError("; ".join(refusals))


def _container(image: str) -> DockerContainer | None:
    """Return a container that is not there yet, or None if no engine answers."""
    from testcontainers.core.container import DockerContainer

    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        try:
            return DockerContainer(image)
        except Exception:  # of docker, urllib3 or requests: whatever it is, there is no engine to use
            pass
        gc.collect()  # the client leaves its socket open then, and is told off for it here, where it may be
    return None


def kafka_version() -> str:
    """Return the version of Kafka that docker/kafka/pom.xml pins."""
    version = ElementTree.parse(KAFKA / "pom.xml").findtext(".//{*}kafka.version")
    assert version is not None
    return version


def fetch_jars() -> Path:
    """Return the folder of Kafka's jars, which Maven fills the first time."""
    jars = ROOT / ".cache" / "kafka" / kafka_version()
    if not jars.exists():
        if shutil.which("mvn") is None:
            raise NoBrokerError("there is no Maven to fetch Kafka for a local process")
        jars.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=jars.parent) as folder:
            _run_maven(Path(folder) / "jars")
            (Path(folder) / "jars").rename(jars)  # whole or not at all
    return jars


def _run_maven(jars: Path) -> None:
    command = ["mvn", "-B", "-q", f"-Djars={jars}", "dependency:copy-dependencies"]
    try:
        subprocess.run(command, cwd=KAFKA, check=True, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.CalledProcessError as error:
        raise NoBrokerError(f"Maven could not fetch Kafka: {_first_line(error.stdout)}") from error
    except subprocess.TimeoutExpired as error:
        raise NoBrokerError(f"Maven did not fetch Kafka within {FETCH_SECONDS} s") from error


def free_port() -> int:
    """Return a free port below those of clients, so that none of them takes it while the broker is away."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port


def _properties(path: Path) -> dict[str, str]:
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _led(topic: TopicMetadata) -> bool:
    return topic.error is None and all(partition.leader >= 0 for partition in topic.partitions.values())


def _first_line(text: object) -> str:
    return next(iter(str(text).splitlines()), "")
