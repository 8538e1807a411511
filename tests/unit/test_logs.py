"""What is said on stderr: sentences for people, or JSON lines for programs."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from headwater.cli import output
from headwater.cli.logs import relay_warnings
from headwater.cli.output import log_as, say, saying
from headwater.notice import Notice
from support import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers = list(logging.getLogger().handlers)
    yield
    log_as("console")
    logging.getLogger().handlers[:] = handlers


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def without_time(said: dict[str, object]) -> dict[str, object]:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(said.pop("time")))
    return said


def test_on_a_console_a_notice_is_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    say(Notice("LOST: much.", "gap", "error", topic="t"))

    assert capsys.readouterr().err == "LOST: much.\n"


def test_as_json_it_is_a_line_with_all_that_it_knows(capsys: pytest.CaptureFixture[str]) -> None:
    log_as("json")
    say(Notice("LOST: \n“much”.", "gap", "error", topic="t", partition=0, offset=5, path=Path("/srv")))
    say("Something else.")
    saying("inbox")("It is no action.")
    saying("inbox")(Notice("It knows better.", "gap", "error"))

    assert [without_time(said) for said in lines(capsys)] == [
        {
            "level": "error",
            "event": "gap",
            "message": "LOST: \n“much”.",
            "topic": "t",
            "partition": 0,
            "offset": 5,
            "path": "/srv",
        },
        {"level": "info", "event": "message", "message": "Something else."},
        {"level": "warning", "event": "inbox", "message": "It is no action."},
        {"level": "error", "event": "gap", "message": "It knows better."},
    ]


def test_what_other_libraries_warn_of_is_a_line_too_and_only_one(capsys: pytest.CaptureFixture[str]) -> None:
    log_as("json")
    relay_warnings()
    logger = logging.getLogger("kafka.conn")
    logger.info("not this")
    logger.warning("%s went away", "broker 1")
    try:
        raise ValueError("a bug")
    except ValueError:
        logger.exception("oh")

    first, second = [without_time(said) for said in lines(capsys)]
    assert first == {
        "level": "warning",
        "event": "library",
        "message": "broker 1 went away",
        "logger": "kafka.conn",
    }
    assert (second["level"], second["message"]) == ("error", "oh")
    assert str(second["exception"]).endswith("ValueError: a bug\n")


def events_in_code() -> set[str]:
    """Return the names of events that the code gives: the second argument of a Notice, the first of `saying`."""
    found = set()
    for path in Path(output.__file__).parents[1].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = {"Notice": 1, "saying": 0}.get(node.func.id)
                argument = node.args[place] if place is not None and len(node.args) > place else None
                if isinstance(argument, ast.Constant):
                    found.add(str(argument.value))
    return found


def test_the_readme_names_every_event_of_the_log() -> None:
    listed = re.search(r"`event` is one of (.*?)\. Secrets", README, re.DOTALL)
    assert listed

    assert set(re.findall(r"`(\w+)`", listed[1])) == events_in_code()
