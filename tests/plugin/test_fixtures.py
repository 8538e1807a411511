"""The fixtures of the pytest plugin, in test suites of other people that pytest runs."""

from __future__ import annotations

import gzip
import json
import shutil

import headwater.recording
import headwater.testing  # noqa: F401  # pytester forgets what it imported itself, and DuckDB cannot be imported twice
import pytest
from support import SALES, read
from support import headwater as headwater_command

pytest_plugins = ["pytester"]

HEAVY = ("duckdb", "pyarrow", "pydantic", "msgspec", "click", "kafka", "openlineage", "headwater.testing")

# The code under test: it makes its own client, as pipelines do.
LOADING = """
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

def event(output, *inputs):
    return RunEvent(
        eventType=RunState.COMPLETE,
        eventTime="2026-01-01T00:00:00Z",
        run=Run(runId="01a203e3-dfe8-79e3-b732-8bfec173f912"),
        job=Job(namespace="jobs", name=f"make {output}"),
        producer="https://example.org",
        inputs=[InputDataset(namespace="db", name=name) for name in inputs],
        outputs=[OutputDataset(namespace="db", name=output)],
    )

def load(client=None):
    (client or OpenLineageClient()).emit(event("clean", "raw"))

if __name__ == "__main__":
    load()
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return an empty project with the code under test."""
    pytester.makepyfile(loading=LOADING)
    pytester.makeini("[pytest]\nfilterwarnings = error\npythonpath = .\n")
    return pytester


def passes(suite: pytest.Pytester, code: str, count: int = 1, *options: str) -> None:
    suite.makepyfile(code)
    suite.runpytest_inprocess(*options).assert_outcomes(passed=count)


def said(suite: pytest.Pytester, code: str, **outcomes: int) -> str:
    """Run tests that do not pass, and return what pytest printed."""
    suite.makepyfile(code)
    result = suite.runpytest_inprocess()
    result.assert_outcomes(**outcomes or {"failed": 1})
    return result.stdout.str()


# What it costs


def test_a_suite_that_uses_no_fixture_imports_nothing(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        f"""
        import sys

        def test_imports(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("headwater")
            assert [name for name in {HEAVY} if name in sys.modules] == []
            assert sorted(name for name in sys.modules if name.startswith("headwater")) == [
                "headwater", "headwater.pytest_plugin"
            ]
        """
    )
    suite.runpytest_subprocess().assert_outcomes(passed=1)


def test_collecting_tests_that_use_the_fixtures_imports_nothing_either(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(lineage_store, lineage_replay, capture_lineage): pass")
    suite.makeconftest(
        f"""
        import sys

        def pytest_collection_finish():
            assert [name for name in {HEAVY} if name in sys.modules] == []
        """
    )
    result = suite.runpytest_subprocess("--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*::test_it"])


def test_the_fixtures_are_listed_with_what_they_do(suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess("--fixtures")

    result.stdout.fnmatch_lines(
        [
            "lineage_store -- *pytest_plugin.py*",
            "    An empty store to fold captured events into and to query; closed afterwards.",
            "lineage_replay -- *pytest_plugin.py*",
            "capture_lineage -- *pytest_plugin.py*",
        ]
    )


# lineage_store and lineage_replay


def test_a_store_is_empty_for_each_test_and_closed_after_it(suite: pytest.Pytester) -> None:
    shutil.copy(SALES / "events" / "broken_day.ndjson", suite.path)
    passes(
        suite,
        """
        import pytest

        stores = []

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(lineage_store, lineage_replay, time):
            stores.append(lineage_store)
            assert lineage_store.rows("SELECT count(*) FROM event") == [(0,)]
            assert lineage_replay("broken_day.ndjson") is lineage_store
            assert lineage_store.rows("SELECT count(*) FROM event") == [(34,)]

        def test_after():
            assert len({store.path for store in stores}) == 2
            assert [store._reader for store in stores] == [None, None]
        """,
        3,
    )


def test_files_are_found_beside_the_test_and_below_the_rootdir(suite: pytest.Pytester) -> None:
    folder = suite.mkdir("deep")
    shutil.copy(SALES / "events" / "healthy_day.ndjson", folder)
    (suite.path / "broken.ndjson.gz").write_bytes(gzip.compress((SALES / "events" / "broken_day.ndjson").read_bytes()))
    (folder / "test_deep.py").write_text(
        "from headwater.testing import assert_root_cause\n"
        "def test_it(lineage_replay, monkeypatch, tmp_path):\n"
        "    monkeypatch.chdir(tmp_path)\n"
        "    store = lineage_replay('healthy_day.ndjson', 'broken.ndjson.gz')\n"
        "    assert_root_cause(store, 'dim_customers', 'landing.customers_ca_raw')\n"
        "def test_a_folder(lineage_replay):\n"
        "    store = lineage_replay('../deep')\n"
        "    assert store.rows('SELECT count(*) FROM event') == [(34,)]\n"
    )
    suite.runpytest_inprocess().assert_outcomes(passed=2)


def test_a_file_that_is_nowhere_says_where_it_was_looked_for(suite: pytest.Pytester) -> None:
    output = said(suite, "def test_it(lineage_replay):\n    lineage_replay('gone.ndjson')")

    where = f"beside the test, in {suite.path}, nor in the rootdir, {suite.path}."
    assert f"gone.ndjson: there is no such file or folder {where}" in output
    assert "def _existing" not in output, "the traceback ends in the test"


def test_a_file_that_holds_no_events_fails_with_the_line(suite: pytest.Pytester) -> None:
    (suite.path / "events.ndjson").write_text("not JSON\n")

    output = said(suite, "def test_it(lineage_replay):\n    lineage_replay('events.ndjson')")

    assert "1 of 1 events cannot be read:" in output
    assert "file:events.ndjson, 1: invalid_json" in output
    assert "During handling" not in output


def test_datasets_are_called_what_the_settings_of_the_project_say(suite: pytest.Pytester) -> None:
    shutil.copy(SALES / "events" / "broken_day.ndjson", suite.path)
    (suite.path / "headwater.toml").write_text('[namespace_map]\n"duckdb:///srv/sales.duckdb" = "sales"\n')
    passes(
        suite,
        """
        def test_it(lineage_replay):
            store = lineage_replay("broken_day.ndjson")
            assert store.rows("SELECT DISTINCT namespace FROM dataset ORDER BY ALL") == [("file",), ("sales",)]
        """,
    )


def test_a_setting_that_makes_no_sense_fails_with_a_sentence(suite: pytest.Pytester) -> None:
    (suite.path / "headwater.toml").write_text("threads = 0\n")

    output = said(suite, "def test_it(lineage_store): pass", errors=1)

    assert "The setting threads makes no sense" in output
    assert "Traceback" not in output


def test_an_assertion_that_fails_shows_the_graph_and_nothing_of_its_own_code(suite: pytest.Pytester) -> None:
    shutil.copy(SALES / "events" / "broken_day.ndjson", suite.path)

    output = said(
        suite,
        """
        from headwater.testing import assert_no_lineage

        def test_it(lineage_replay):
            assert_no_lineage(lineage_replay("broken_day.ndjson"), "customers_ca_raw", "dim_customers")
        """,
    )

    assert "E       └─▶ sales.cleansing.customers  (by sales.cleansing.sales_platform.customers)" in output
    assert "raise AssertionError" not in output


# capture_lineage


def test_what_code_emits_with_a_client_of_its_own_is_recorded(suite: pytest.Pytester) -> None:
    passes(
        suite,
        """
        from headwater.testing import assert_lineage
        from loading import load

        def test_it(capture_lineage, lineage_store):
            assert capture_lineage.events == []
            load()
            (event,) = capture_lineage.events
            assert (event["eventType"], event["job"]["name"]) == ("COMPLETE", "make clean")
            assert_lineage(capture_lineage.fold_into(lineage_store), "raw", "clean", direct=True)

        def test_each_test_records_for_itself(capture_lineage):
            assert capture_lineage.events == []
        """,
        2,
    )


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"OPENLINEAGE_URL": "http://localhost:1"},
        {"OPENLINEAGE_DISABLED": "true"},
        {"OPENLINEAGE__TRANSPORT__TYPE": "kafka", "OPENLINEAGE__TRANSPORT__TOPIC": "t"},
        {"OPENLINEAGE__TRANSPORT": '{"type": "http", "url": "http://localhost:1"}'},
        {"OPENLINEAGE_CONFIG": "elsewhere.yml"},
        {},  # there is an openlineage.yml in the current folder
    ],
    ids=lambda variables: " ".join(variables) or "openlineage.yml",
)
def test_nothing_is_sent_wherever_the_environment_says_that_events_go(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, elsewhere: dict[str, str]
) -> None:
    """And what else is configured holds: here a tag."""
    for name, value in elsewhere.items():
        monkeypatch.setenv(name, value)
    used = elsewhere.get("OPENLINEAGE_CONFIG", "openlineage.yml")
    for name in ("openlineage.yml", "elsewhere.yml"):
        (suite.path / name).write_text(
            f"transport:\n  type: http\n  url: http://localhost:1\ntags:\n  job:\n    from: {name}\n"
        )
    passes(
        suite,
        f"""
        import os
        from loading import load

        before = dict(os.environ)

        def test_it(capture_lineage):
            load()
            (event,) = capture_lineage.events
            assert event["job"]["facets"]["tags"]["tags"][0]["value"] == "{used}"

        def test_the_environment_is_as_it_was():
            after = {{name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}}
            before.pop("PYTEST_CURRENT_TEST", None)
            assert after == before
        """,
        2,
    )


def test_a_client_that_is_given_its_transport_takes_this_one(suite: pytest.Pytester) -> None:
    passes(
        suite,
        """
        from loading import load
        from openlineage.client import OpenLineageClient

        def test_it(capture_lineage):
            load(OpenLineageClient(transport=capture_lineage.transport))
            assert len(capture_lineage.events) == 1
        """,
    )


def test_other_processes_and_threads_are_recorded_too(suite: pytest.Pytester) -> None:
    passes(
        suite,
        """
        import subprocess, sys
        from concurrent.futures import ThreadPoolExecutor
        from loading import event
        from openlineage.client import OpenLineageClient

        def test_it(capture_lineage):
            subprocess.run([sys.executable, "loading.py"], check=True)
            client = OpenLineageClient()
            with ThreadPoolExecutor(8) as executor:
                list(executor.map(lambda n: client.emit(event(f"{n}", *(f"{n} {i}" for i in range(500)))), range(100)))
            names = [event["job"]["name"] for event in capture_lineage.events]
            assert names[0] == "make clean"
            assert sorted(names[1:]) == sorted(f"make {n}" for n in range(100))
        """,
    )


def test_what_was_recorded_is_written_as_a_capture_committed_and_replayed(suite: pytest.Pytester) -> None:
    passes(
        suite,
        """
        from headwater.testing import assert_lineage
        from loading import load

        def test_record(capture_lineage, lineage_store):
            load()
            assert capture_lineage.write("events/load.ndjson").name == "load.ndjson"
            capture_lineage.write("events/load.ndjson.zst", topic="lineage")
            capture_lineage.fold_into(lineage_store)
            with open("digest", "w") as file:
                file.write(lineage_store.digest())

        def test_replay(lineage_replay):
            store = lineage_replay("events/load.ndjson")
            assert_lineage(store, "raw", "clean")
            assert store.rows("SELECT topic, partition, source_offset FROM event") == [("openlineage", 0, 0)]
            lineage_replay("events/load.ndjson.zst")
            with open("digest") as file:
                assert store.digest() == file.read()
        """,
        2,
    )
    line = json.loads((suite.path / "events" / "load.ndjson").read_text())
    assert list(line) == ["topic", "partition", "offset", "timestamp", "key", "headers", "value"]
    assert headwater_command(suite.path, "replay", "events/load.ndjson") == ""
    assert read(suite.path, "SELECT upstream_name, downstream_name FROM edge") == [("raw", "clean")]


def test_a_file_that_was_committed_is_replaced_only_when_asked(suite: pytest.Pytester) -> None:
    (suite.path / "load.ndjson").write_text("committed\n")
    code = """
        from loading import load

        def test_it(capture_lineage):
            load()
            capture_lineage.write("load.ndjson")
        """

    passes(suite, code)
    assert (suite.path / "load.ndjson").read_text() == "committed\n"

    passes(suite, code, 1, "--rewrite-lineage")
    assert json.loads((suite.path / "load.ndjson").read_text())["value"]["job"]["name"] == "make clean"


@pytest.mark.parametrize("use", ["capture_lineage.fold_into(lineage_store)", "capture_lineage.write('load.ndjson')"])
def test_code_that_emits_nothing_is_not_taken_for_an_empty_capture(suite: pytest.Pytester, use: str) -> None:
    output = said(suite, f"def test_it(capture_lineage, lineage_store):\n    {use}")

    assert "The code under test emitted no OpenLineage event." in output
    assert not (suite.path / "load.ndjson").exists()


def test_a_capture_is_only_written_to_a_file_that_can_be_replayed(suite: pytest.Pytester) -> None:
    output = said(
        suite,
        """
        from loading import load

        def test_it(capture_lineage):
            load()
            capture_lineage.write("load.json")
        """,
    )

    assert "load.json: call it .ndjson or .jsonl (also with .gz or .zst), so that it can be replayed." in output


def test_without_the_client_capturing_teaches_and_replaying_works(suite: pytest.Pytester) -> None:
    shutil.copy(SALES / "events" / "broken_day.ndjson", suite.path)
    suite.makeconftest("import sys\nsys.modules['openlineage'] = None  # as if it were not installed\n")
    suite.makepyfile(
        """
        def test_capture(capture_lineage): pass
        def test_replay(lineage_replay): lineage_replay("broken_day.ndjson")
        """
    )
    result = suite.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1)
    output = result.stdout.str()
    assert "Install it beside the code under test with 'pip install openlineage-python'." in output
    assert "Traceback" not in output
    assert "ModuleNotFoundError" not in output
