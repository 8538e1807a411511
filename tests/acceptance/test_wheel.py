"""The wheel is all that a user needs: installed where there is nothing, and run far from the checkout."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from headwater import __version__
from headwater.core import is_compiled
from support import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built of what the image is built of, setuptools from where pip gets the rest."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # not the checkout: setuptools would leave files there, and find older ones
    for name in re.findall("^!(.*)", (ROOT / ".dockerignore").read_text(), re.MULTILINE):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "target", "*.so"))
        elif (ROOT / name).exists():
            source.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, source)
    pip(Path(sys.executable), "wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has the wheel and what it asks for, in the versions that are tested."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    found = folder / "bin" / "python"
    pip(found, "install", "--no-compile", "--constraint", str(ROOT / "requirements.lock"), str(wheel))
    return found


def pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def headwater(python: Path, *arguments: str) -> str:
    """Run the command of the environment, far from the checkout, and return what it printed."""
    command = [str(python.with_name("headwater")), *arguments]
    done = subprocess.run(command, cwd=python.parent, env={}, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        f"headwater/{path.relative_to(ROOT / 'consumer')}"
        for path in (ROOT / "consumer").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    expected |= {
        f"headwater/schemas/{path.relative_to(ROOT / 'schemas')}"
        for path in (ROOT / "schemas").rglob("*")
        if path.is_file()
    }
    events = ROOT / "tests" / "data" / "sales_platform" / "events"
    expected |= {f"headwater/demo/{path.name}" for path in events.iterdir()}
    assert packed == expected


def test_the_installed_command_knows_its_version(python: Path) -> None:
    core = "Rust" if is_compiled() else "Python"
    assert headwater(python, "--version") == f"headwater, version {__version__}, core in {core}\n"


def test_the_installed_demo_names_the_table_to_blame(python: Path) -> None:
    assert "→ 1. sales.landing.customers_ca_raw  field customer_id " in headwater(python, "demo")


def test_every_module_finds_what_it_imports(python: Path) -> None:
    """Nothing is missing that only the tests have, but in the modules for those who have pytest or the client."""
    script = """
from importlib import import_module
from pathlib import Path
import headwater
folder = Path(headwater.__file__).parent
for path in sorted(folder.rglob("*.py")):
    name = ".".join(path.relative_to(folder).with_suffix("").parts)
    if name not in ("__main__", "testing", "pytest_plugin", "recording"):
        print(import_module("headwater." + name).__name__)
"""
    done = subprocess.run([python, "-c", script], cwd=python.parent, env={}, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "headwater.sources.kafka.source" in done.stdout.split()
