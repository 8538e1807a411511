"""What docker/ has for production says nothing that the command, the image or the tools themselves would not take."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from broker import free_port, kafka_version
from headwater import __version__
from headwater.cli import main
from headwater.settings import Settings
from ruamel.yaml import YAML
from support import ROOT

DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
KUBERNETES = DOCKER / "kubernetes" / "headwater.yaml"
UNIT = DOCKER / "systemd" / "headwater.service"

FILES = [path for path in sorted(DOCKER.rglob("*")) if path.is_file() and "kafka" not in path.relative_to(DOCKER).parts]
VARIABLES = {f"HEADWATER_{name.upper()}" for name in Settings.model_fields} | {"HEADWATER_FORMAT"}


def documents(path: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(path))


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, the last stage only."""
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    last = max(number for number, line in enumerate(lines) if line[0] == "FROM")
    return [(line[0], line[1]) for line in lines[last:]]


def check_command(words: list[str]) -> None:
    """Fail unless click takes a command line of ours; nothing is run."""
    assert words[0] == "headwater"
    command = main.commands[words[1]]
    command.make_context(words[1], words[2:])


def strings(value: object) -> Iterator[str]:
    """Yield every text in a document, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(DOCKER).as_posix())
def test_every_variable_that_is_named_is_one_of_ours(path: Path) -> None:
    known = VARIABLES | {"HEADWATER_TEST_KAFKA_IMAGE", "HEADWATER_TEST_BOOTSTRAP_SERVERS", "HEADWATER_TEST_IMAGE"}
    assert set(re.findall(r"\bHEADWATER_[A-Z_]+[A-Z]", path.read_text())) <= known


# The image


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    [user] = [value for name, value in dockerfile() if name == "USER"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)


def test_the_commands_of_the_image_are_ours() -> None:
    said = dict(dockerfile())
    entry, command = json.loads(said["ENTRYPOINT"]), json.loads(said["CMD"])
    check_command([*entry, *command])


def test_the_check_of_the_image_succeeds_while_somebody_consumes(tmp_path: Path) -> None:
    """It is run here as the engine runs it, in a shell, against a sidecar that waits for its broker."""
    check = dict(dockerfile())["HEALTHCHECK"].partition("CMD ")[2]
    here = {"HEADWATER_LISTEN": f"127.0.0.1:{free_port()}", "http_proxy": "http://127.0.0.1:1"}
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    command = [sys.executable, "-m", "headwater", "consume", "--bootstrap-servers", "127.0.0.1:1"]

    def code() -> int:
        return subprocess.run(["sh", "-c", check], env={"PATH": path, **here}, capture_output=True).returncode

    assert code() == 1
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **here}, stderr=subprocess.DEVNULL) as sidecar:
        try:
            deadline = time.monotonic() + 60
            while code():
                assert sidecar.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
        finally:
            sidecar.terminate()
    assert code() == 1


def test_one_port_is_served_checked_and_published() -> None:
    port = dict(dockerfile())["EXPOSE"]
    assert f" HEADWATER_LISTEN=0.0.0.0:{port} " in dict(dockerfile())["ENV"]
    assert service("sidecar")["ports"] == [f"127.0.0.1:{port}:{port}"]
    [deployment] = resources("Deployment")
    assert deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == port
    [served] = pod()["containers"][0]["ports"]
    assert str(served["containerPort"]) == port


def test_the_image_is_built_from_all_that_the_package_is_made_of() -> None:
    """What .dockerignore lets through is every folder that pyproject.toml packs, and what that names."""
    wanted = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    packed = {"consumer", "core", "schemas", "tests/data/sales_platform/events", "README.md", "LICENSE"}
    assert wanted == packed | {"pyproject.toml", "requirements.lock", "wheels"}
    assert all((ROOT / name).exists() for name in wanted - {"wheels"})


# Compose


def service(name: str) -> dict[str, Any]:
    [compose] = documents(COMPOSE)
    found: dict[str, Any] = compose["services"][name]
    return found


def test_compose_has_the_kafka_that_the_tests_have() -> None:
    assert service("kafka")["image"] == f"${{KAFKA_IMAGE:-apache/kafka:{kafka_version()}}}"


def test_compose_runs_the_sidecar_as_it_is_tested() -> None:
    """See the settings of `test_container.py`."""
    sidecar = service("sidecar")
    assert (sidecar["read_only"], sidecar["cap_drop"], sidecar["security_opt"], sidecar["mem_limit"]) == (
        True,
        ["ALL"],
        ["no-new-privileges:true"],
        "1g",
    )
    assert sidecar["volumes"] == ["lineage:/data"]
    assert dict(dockerfile())["VOLUME"] == "/data"


def test_the_producer_and_the_sidecar_of_compose_mean_one_topic_of_one_broker() -> None:
    environment = service("sidecar")["environment"]
    for name in ("topic", "producer"):
        words = service(name)["entrypoint"]
        assert words[words.index("--topic") + 1] == environment["HEADWATER_TOPIC"]
        assert words[words.index("--bootstrap-servers") + 1] == environment["HEADWATER_BOOTSTRAP_SERVERS"]


def test_every_file_that_compose_mounts_is_there() -> None:
    [compose] = documents(COMPOSE)
    mounted = [
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    assert len(mounted) == 3
    assert [name for name in mounted if not (DOCKER / name).exists()] == []
    days = [word.rpartition("/")[2] for word in service("producer")["command"] if word.endswith(".ndjson")]
    assert days == ["healthy_day.ndjson", "broken_day.ndjson"]
    assert all((DOCKER / "../tests/data/sales_platform/events" / day).exists() for day in days)


def test_compose_takes_its_file() -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("docker compose is not installed")
    command = ["docker", "compose", "--file", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")


# Kubernetes


def resources(kind: str) -> list[dict[str, Any]]:
    return [document for document in documents(KUBERNETES) if document["kind"] == kind]


def pod() -> dict[str, Any]:
    [deployment] = resources("Deployment")
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def test_kubernetes_never_runs_two_sidecars_on_one_store() -> None:
    [deployment] = resources("Deployment")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    [claim] = resources("PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_kubernetes_selects_the_pods_that_it_makes() -> None:
    [deployment] = resources("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels == {"app.kubernetes.io/name": "headwater"}


def test_kubernetes_runs_nobody_who_may_do_nothing_in_every_container() -> None:
    [user] = [value for name, value in dockerfile() if name == "USER"]
    context = pod()["securityContext"]
    assert context["runAsNonRoot"] is True
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == user
    assert [container["securityContext"] for container in pod()["containers"]] == [
        {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    ] * len(pod()["containers"])


def test_kubernetes_lets_only_the_sidecar_write() -> None:
    [claim] = resources("PersistentVolumeClaim")
    assert [volume["persistentVolumeClaim"]["claimName"] for volume in pod()["volumes"]] == [claim["metadata"]["name"]]
    sidecar, *others = pod()["containers"]
    assert sidecar["volumeMounts"] == [{"name": "lineage", "mountPath": dict(dockerfile())["VOLUME"]}]
    assert others
    for other in others:
        assert other["volumeMounts"] == [{**sidecar["volumeMounts"][0], "readOnly": True}]


def test_kubernetes_asks_for_what_exists() -> None:
    sidecar = pod()["containers"][0]
    check_command(["headwater", *sidecar["args"]])
    pages = {name: probe["httpGet"]["path"] for name, probe in sidecar.items() if name.endswith("Probe")}
    assert pages == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert {sidecar[probe]["httpGet"]["port"] for probe in pages} == {port["name"] for port in sidecar["ports"]}
    given = {variable["name"] for variable in sidecar["env"]}
    secrets = {resource["metadata"]["name"]: resource["stringData"] for resource in resources("Secret")}
    for source in sidecar["envFrom"]:
        given |= set(secrets[source["secretRef"]["name"]])
    assert given <= VARIABLES
    assert "HEADWATER_SASL_PASSWORD" not in {variable["name"] for variable in sidecar["env"]}, (
        "it belongs in the secret"
    )
    images = {container["image"] for container in pod()["containers"]}
    assert images == {f"headwater:{__version__}"}


def test_kubernetes_limits_memory_in_every_container() -> None:
    for container in pod()["containers"]:
        assert set(container["resources"]) == {"requests", "limits"}
        assert "memory" in container["resources"]["limits"]


# systemd


def unit() -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    return {name: dict(section) for name, section in parser.items()}


def test_the_unit_starts_a_command_of_ours_in_the_folder_that_it_may_write() -> None:
    said = unit()["Service"]
    words = shlex.split(said["ExecStart"])
    assert Path(words[0]).name == "headwater"
    check_command(["headwater", *words[1:]])
    assert said["Environment"].split()[0] == f"HEADWATER_STORE=/var/lib/{said['StateDirectory']}/lineage.duckdb"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze(tmp_path, "verify")


def test_the_unit_is_shut_off_from_the_machine(tmp_path: Path) -> None:
    """In tenths of systemd's exposure level, of which 100 is the worst."""
    analyze(tmp_path, "security", "--offline=true", "--threshold=15")


def analyze(folder: Path, *verb: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    here = folder / UNIT.name  # with a program that exists
    here.write_text(
        re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", UNIT.read_text(), flags=re.MULTILINE)
    )
    done = subprocess.run(["systemd-analyze", *verb, str(here)], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert UNIT.name not in done.stderr
