"""The shape of the house: who may import whom."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "consumer"

# From the bottom up. A module may import from its own floor and from those below.
FLOORS = [
    {"names", "rows", "errors", "notice"},  # words: the standard library only
    {
        "_core",
        "event",
        "canonical",
        "facets",
        "contents",
        "fold",
        "batch",
        "cache",
        "clock",
        "core",
        "ledger",
        "naming",
        "redaction",
        "quality",
        "drawing",
        "metrics",
    },  # meaning
    {
        "store",
        "sources",
        "publish",
        "live_file",
        "settings",
        "webhook",
        "inbox",
        "recording",
        "serving",
        "intake",
        "exposition",
        "tokens",
    },  # edges
    {"loop", "refold", "importing", "exporting", "following", "notify", "watching", "upkeep"},
    {"cli", "testing", "pytest_plugin", "__main__", "__init__"},  # doors
]
FENCED = {
    "duckdb": "store/database.py",
    "kafka": "sources/kafka/",
    "openlineage": "recording.py",
    "prometheus_client": "exposition.py",
}
WORDS_MAY_IMPORT = {"__future__", "typing", "hashlib"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def floor_of(module: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if module in floor)


def name_of(path: Path) -> str:
    """Return the top-level module that a file belongs to."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def own_imports(path: Path) -> set[str]:
    """Return the top-level modules of Headwater that a file imports."""
    depth = len(path.relative_to(PACKAGE).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headwater."):
            found.add((node.module or "").split(".")[1])
    return found - {"__version__"}


def other_imports(path: Path) -> set[str]:
    """Return the top-level packages of others that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_import_never_points_up(path: Path) -> None:
    upward = {module for module in own_imports(path) if floor_of(module) > floor_of(name_of(path))}

    assert upward == set()


@pytest.mark.parametrize(("library", "home"), FENCED.items())
def test_a_driver_is_imported_in_one_place_only(library: str, home: str) -> None:
    importers = {str(path.relative_to(PACKAGE)) for path in MODULES if library in other_imports(path)}

    assert importers
    assert {importer for importer in importers if not importer.startswith(home)} == set()


@pytest.mark.parametrize("module", sorted(FLOORS[0]))
def test_words_need_the_standard_library_only(module: str) -> None:
    assert other_imports(PACKAGE / f"{module}.py") <= WORDS_MAY_IMPORT


def test_relative_imports_keep_the_package_together() -> None:
    """The folder is called consumer and the package headwater: an absolute import would make two copies of a class."""
    absolute = {str(path.relative_to(PACKAGE)) for path in MODULES if "headwater" in other_imports(path)}

    assert absolute == set()
