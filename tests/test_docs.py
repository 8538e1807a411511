"""The documentation says what is so: generated parts are up to date, nothing is left out, README.md's code runs."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import click
import docs
import duckdb
import pytest
from click.testing import CliRunner
from headwater import __version__, errors
from headwater.cli import main
from headwater.errors import HeadwaterError
from headwater.settings import Settings
from headwater.store import Reader, Store
from ruamel.yaml import YAML
from support import ROOT, SALES, headwater

README = ROOT / "README.md"
CHANGELOG = ROOT / "CHANGELOG.md"
DAYS = [SALES / "events" / f"{day}_day.ndjson" for day in ("healthy", "broken")]

NEEDS_BROKER = ("consume", "capture")  # the only commands of README.md that are not run


def options() -> list[tuple[str, click.Option]]:
    """Return each option with its command."""
    return [
        (name, option)
        for name, command in main.commands.items()
        for option in command.params
        if isinstance(option, click.Option)
    ]


def help_of(*command: str) -> str:
    """Return a help text on one line, so that no name is broken."""
    result = CliRunner().invoke(main, [*command, "--help"], terminal_width=1_000)
    assert result.exit_code == 0, result.output
    return re.sub(r"\s+", " ", result.output)


# What is generated

GENERATED = docs.generated()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_generated_is_up_to_date(path: Path) -> None:
    assert path.exists(), "run `make docs`"
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run `make docs`"


def test_no_schema_is_left_of_a_facet_that_is_not_read_any_more() -> None:
    assert set(docs.EVENTS.iterdir()) == {path for path in GENERATED if path.parent == docs.EVENTS}, "run `make docs`"


def test_the_dictionary_has_every_view_and_macro(tmp_path: Path) -> None:
    Store(tmp_path / "new.duckdb").close()
    with Reader(tmp_path / "new.duckdb") as reader:
        documented = [(thing.kind, thing.name) for thing in reader.documentation()]
    titles = re.findall(r"^## (View|Macro)s$|^### (\w+)$", docs.DICTIONARY.read_text(encoding="utf-8"), re.MULTILINE)
    found = []
    kind = ""
    for section, name in titles:
        if section:
            kind = section.lower()
        else:
            found.append((kind, name))
    assert found == documented


def test_the_dictionary_says_what_each_folder_is() -> None:
    folders = re.findall(r"^\| `(\w+)/` \|", docs.DICTIONARY.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(folders) == sorted(path.name for path in docs.SCHEMAS.iterdir() if path.is_dir())


# Commands and settings


@pytest.mark.parametrize("command", main.commands)
def test_the_readme_has_every_command(command: str) -> None:
    assert re.search(rf"(?:`|\bheadwater ){command}\b", README.read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", main.commands)
def test_every_command_is_in_the_help_with_its_purpose(command: str) -> None:
    purpose = main.commands[command].get_short_help_str(limit=1_000)
    assert purpose
    assert f" {command} {purpose}" in help_of()


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_every_setting_is_an_option_of_some_command(setting: str) -> None:
    assert setting in {option.name for _, option in options()}


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        pytest.param(command, option.name, id=f"{command} {option.opts[0]}")
        for command, option in options()
        # The demo never writes to the store that the environment names.
        if option.name in Settings.model_fields and command != "demo"
    ],
)
def test_the_help_of_a_setting_names_its_flag_variable_and_default(command: str, setting: str) -> None:
    field = Settings.model_fields[setting]
    said = help_of(command)
    assert f"--{setting.replace('_', '-')} " in said
    assert f"[env var: HEADWATER_{setting.upper()}]" in said
    assert f" {field.description}" in said
    if field.default not in (None, (), {}):
        default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        assert f" {field.description} [default: {default}]" in said


@pytest.mark.parametrize(
    "option", [pytest.param(option, id=f"{command} {option.opts[0]}") for command, option in options()]
)
def test_only_seconds_are_called_seconds(option: click.Option) -> None:
    assert (option.metavar == "SECONDS") == (option.help or "").startswith("Seconds")


@pytest.mark.parametrize("command", ["", *main.commands])
def test_no_help_text_shows_its_own_markup(command: str) -> None:
    assert r"\b" not in help_of(*filter(None, [command]))


# Errors


def test_every_error_is_drawn_in_the_tree_under_its_base() -> None:
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in (inspect.getdoc(errors) or "").splitlines():
        if branch := re.match(r"    ((?:│   |    )*(?:[├└]── )?)([A-Z]\w+)", line):
            depth = len(branch[1]) // 4
            above[depth:] = [branch[2]]
            drawn[branch[2]] = above[depth - 1] if depth else None
    classes = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, HeadwaterError)]
    bases = {cls.__name__: cls.__base__.__name__ for cls in classes if cls is not HeadwaterError and cls.__base__}
    assert drawn == {"HeadwaterError": None, **bases}


# Versions


def test_the_newest_version_of_the_changelog_is_this_one_or_unreleased() -> None:
    newest = re.search(r"^## \[?([^\]\s]+)", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] in (__version__, "Unreleased")


def test_the_package_has_the_version_that_it_says() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == __version__


def test_every_dependency_has_its_reason_beside_it_and_a_version_that_is_tested() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = tomllib.loads(pyproject)["project"]["dependencies"]
    reasons = dict(re.findall(r'^    "([^"]+)",  *# (.+)$', pyproject, re.MULTILINE))
    assert [dependency for dependency in needed if dependency not in reasons] == []
    names = {re.split(r"[\[<>=]", dependency)[0].replace(".", "-") for dependency in needed}
    assert names <= set(re.findall("^([^=\n]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))


# The code of README.md


class Block(NamedTuple):
    """A piece of code and the line of README.md that it begins at."""

    line: int
    text: str


def blocks(language: str) -> list[Block]:
    readme = README.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    return [Block(readme[: match.start(1)].count("\n") + 1, match[1]) for match in found]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store that `headwater demo --store lineage.duckdb` makes."""
    path = tmp_path_factory.mktemp("demo") / "lineage.duckdb"
    result = CliRunner().invoke(main, ["replay", *map(str, DAYS), "--store", str(path)])
    assert result.exit_code == 0, result.output
    return path


@pytest.mark.parametrize("block", blocks("sql"), ids=lambda block: f"line {block.line}")
def test_the_sql_of_the_readme_answers(block: Block, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQL that attaches the store itself starts from nothing, all other with the store open."""
    monkeypatch.chdir(store.parent)
    attaches = "ATTACH" in block.text
    with duckdb.connect() if attaches else duckdb.connect(store, read_only=True) as connection:
        answer = None
        for statement in duckdb.extract_statements(block.text):
            answer = connection.sql(statement.query)
        assert answer is not None
        assert bool(len(answer)) != ("-- no rows" in block.text)


# What the tests of README.md test: it makes its own client, as pipelines do.
PIPELINE = """
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

def load_orders():
    run = Run(runId="01a203e3-dfe8-79e3-b732-8bfec173f912")
    for state, time in ((RunState.START, "2026-01-01T00:00:00Z"), (RunState.COMPLETE, "2026-01-01T00:00:01Z")):
        OpenLineageClient().emit(
            RunEvent(
                eventType=state,
                eventTime=time,
                run=run,
                job=Job(namespace="shop", name="load_orders"),
                producer="https://example.org",
                inputs=[InputDataset(namespace="db", name="raw.orders")],
                outputs=[OutputDataset(namespace="db", name="shop.orders")],
            )
        )
"""


def test_the_tests_of_the_readme_pass(tmp_path: Path) -> None:
    shutil.copytree(SALES / "events", tmp_path / "events")
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    found = [block for block in blocks("python") if "def test_" in block.text]
    for block in found:
        (tmp_path / f"test_line_{block.line}.py").write_text(block.text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(found)} passed" in done.stdout
    assert (tmp_path / "events" / "load_orders.ndjson").exists()


@pytest.mark.parametrize(
    "block",
    [block for block in blocks("python") if "def test_" not in block.text],
    ids=lambda block: f"line {block.line}",
)
def test_the_python_of_the_readme_runs(block: Block, store: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", block.text]
    done = subprocess.run(command, cwd=store.parent, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_snapshot_is_kept_and_a_newer_one_is_found_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failing = "SELECT count(*) AS failed FROM {}check_result WHERE status = 'failed'"
    assert headwater(tmp_path, "replay", str(DAYS[0])) == ""
    [block] = [block for block in blocks("python") if "def ask(" in block.text]
    readers: dict[str, Any] = {}
    exec(block.text, readers)
    session = duckdb.connect()
    session.execute("ATTACH 'lineage.duckdb' AS lineage (READ_ONLY)")

    def seen() -> tuple[int, int]:
        [[count]] = session.execute(failing.format("lineage.")).fetchall()
        return readers["ask"](failing.format(""))["failed"][0].as_py(), count

    assert seen() == (0, 0)
    with duckdb.connect("lineage.duckdb", read_only=True):
        assert headwater(tmp_path, "replay", str(DAYS[1])) == ""
        assert seen() == (0, 0), "a connection of the process, or a session, has let go of its snapshot"
    assert seen() == (6, 0)
    session.execute("DETACH lineage")
    session.execute("ATTACH 'lineage.duckdb' AS lineage (READ_ONLY)")
    assert seen() == (6, 6)
    session.close()


def test_the_dbt_sources_of_the_readme_are_views_of_the_store(store: Path) -> None:
    texts = [block.text for block in blocks("yaml")]
    profile, models = (
        YAML(typ="safe").load(next(text for text in texts if text.startswith(f"# {file}")))
        for file in ("profiles.yml", "models/")
    )
    [attached] = profile["sales"]["outputs"]["prod"]["attach"]
    assert (attached["path"], attached["read_only"]) == (store.name, True)
    [source] = models["sources"]
    assert (source["database"], source["schema"]) == (attached["alias"], "main")
    with duckdb.connect(store, read_only=True) as connection:
        for table in source["tables"]:
            columns = connection.table(table["name"]).columns
            asked = {column["name"] for column in table.get("columns", [])} | {table.get("loaded_at_field", columns[0])}
            assert asked <= set(columns)
            for test in (test for column in table.get("columns", []) for test in column.get("data_tests", [])):
                where = test["accepted_values"]["config"]["where"]
                assert len(connection.table(table["name"]).filter(where))


class Command(NamedTuple):
    """A command of a console block, and the output that is printed below it."""

    line: int
    text: str
    output: str


def commands() -> list[Command]:
    return [
        Command(block.line + block.text[: match.start()].count("\n"), match[1], match[2])
        for block in blocks("console")
        for match in re.finditer(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)
    ]


def test_the_commands_of_the_readme_do_what_it_says(store: Path, tmp_path: Path) -> None:
    """They run where the demo's store is, in order, as a reader would; a line of only … stands for any lines."""
    shutil.copy(store, tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    for command in commands():
        program, verb, *_ = command.text.split()
        if program not in ("headwater", "duckdb") or verb in NEEDS_BROKER:
            continue
        where = f"README.md, line {command.line}: {command.text}"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command.text],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{where}\n{done.stderr}"
        if command.output.strip():
            assert is_documented(done.stdout, command.output) or is_documented(
                done.stderr + done.stdout, command.output
            ), f"{where}\nprints\n{done.stderr}{done.stdout}"


def is_documented(output: str, documented: str) -> bool:
    lines = (line.rstrip() for line in documented.strip("\n").split("\n"))
    pattern = "\n".join("(?s:.*?)" if line.strip() == "…" else re.escape(line) for line in lines)
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in output.strip("\n").split("\n"))) is not None
