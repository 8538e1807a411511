"""Who is told, when, and how often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from headwater.errors import StoreFull, WebhookError, WebhookUnavailable
from headwater.notify import Incident, Notifier


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> int:
        return round((1767225600 + self.seconds) * 1_000_000)


class Receiver:
    """Takes incidents, or fails while it is *away*."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.away = False
        self.refused: set[str] = set()

    def send(self, incident: Incident, *, attempts: int = 5, sleep: Callable[[float], None]) -> None:
        if self.away:
            raise WebhookUnavailable("The webhook at example.org does not answer.")
        if incident["incident_id"] in self.refused:
            raise WebhookError("The webhook refuses it.")
        self.got.append(str(incident["incident_id"]))


class House:
    """A notifier and what is around it."""

    def __init__(self, told: dict[str, datetime] | None = None, delay: float = 0, min_severity: str = "error") -> None:
        self.clock = Clock()
        self.receiver = Receiver()
        self.untold: list[Incident] = []
        self.said: list[str] = []
        self.written: dict[str, datetime] = {}
        self.disk_is_full = False
        self.notifier = Notifier(
            self.receiver,
            untold=lambda: self.untold,
            record=self.record,
            told=told or {},
            clock=self.clock,
            say=self.said.append,
            min_severity=min_severity,
            every=0.01,
            delay=delay,
        )

    def record(self, incident: Incident, sent_at: datetime) -> None:
        if self.disk_is_full:
            raise StoreFull("The disk is full.")
        self.written[incident["incident_id"]] = sent_at


def incident(name: str = "a", severity: str = "error", reopened_after: str | None = None) -> dict[str, Any]:
    return {"incident_id": name, "severity": severity, "reopened_after": reopened_after}


def moment(second: int) -> datetime:
    return datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)


def test_an_incident_is_told_once_though_readers_see_it_as_untold_for_a_while() -> None:
    house = House()
    house.untold = [incident()]

    assert [house.notifier.look(), house.notifier.look()] == [True, True]
    assert house.receiver.got == ["a"]
    assert house.written == {"a": moment(0)}


def test_what_the_store_says_was_told_is_not_told_after_a_restart() -> None:
    house = House(told={"a": moment(0)})
    house.untold = [incident("a"), incident("b")]
    house.notifier.look()

    assert house.receiver.got == ["b"]


def test_what_came_back_after_somebody_resolved_it_is_told_again() -> None:
    house = House(told={"a": moment(1), "b": moment(3)})
    house.untold = [incident(name, reopened_after="2026-01-01T00:00:02Z") for name in "ab"]
    house.notifier.look()

    assert house.receiver.got == ["a"]


@pytest.mark.parametrize(("least", "told"), [("warning", ["w", "e", "f"]), ("error", ["e", "f"]), ("fatal", ["f"])])
def test_what_is_less_bad_is_not_told(least: str, told: list[str]) -> None:
    house = House(min_severity=least)
    house.untold = [incident("w", "warning"), incident("e", "error"), incident("f", "fatal")]
    house.notifier.look()

    assert house.receiver.got == told


def test_an_incident_waits_and_is_not_told_if_it_is_gone_by_then() -> None:
    """Its cause may come to light a moment later: then it is part of another incident."""
    house = House(delay=60)
    house.untold = [incident("symptom"), incident("lasting")]
    house.notifier.look()
    house.clock.seconds = 59
    house.untold = [incident("cause"), incident("lasting")]
    house.notifier.look()
    early = list(house.receiver.got)
    house.clock.seconds = 60
    house.notifier.look()
    house.clock.seconds = 119
    house.notifier.look()

    assert (early, house.receiver.got) == ([], ["lasting", "cause"])


def test_what_cannot_be_told_is_told_later_and_nobody_is_stopped() -> None:
    house = House()
    house.receiver.away = True
    house.untold = [incident("a"), incident("b")]
    went_through = house.notifier.look()
    house.receiver.away = False
    house.notifier.look()

    assert not went_through
    assert house.receiver.got == ["a", "b"]
    assert house.said == [
        "headwater: The webhook at example.org does not answer. It is tried again later; ingest goes on."
    ]


def test_a_notice_that_cannot_be_written_down_is_said_and_not_sent_again() -> None:
    house = House()
    house.disk_is_full = True
    house.untold = [incident()]
    house.notifier.look()
    house.notifier.look()

    assert house.receiver.got == ["a"]
    assert house.said == ["headwater: incident a was told, which could not be written down: The disk is full."]


def test_the_end_tells_what_is_left_without_waiting() -> None:
    house = House(delay=3600)
    house.notifier.start()
    house.untold = [incident()]
    house.notifier.close()

    assert house.receiver.got == ["a"]


def test_a_receiver_that_never_comes_to_an_end_does_not_keep_the_sidecar_from_ending() -> None:
    house = House()
    house.untold = [incident("a"), incident("b")]
    began, enough = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> None:
        began.set()
        enough.wait()

    house.receiver.send = hang  # type: ignore[method-assign]
    house.notifier.start()
    began.wait()
    house.notifier.close(patience=0.01)
    enough.set()

    assert house.said == ["headwater: the webhook does not come to an end; what it was not told it is told next time."]


def test_an_incident_that_is_refused_keeps_no_other_from_being_told() -> None:
    house = House()
    house.untold = [incident("refused"), incident("fine")]
    house.receiver.refused = {"refused"}

    assert not house.notifier.look()
    assert house.receiver.got == ["fine"]
    assert house.said == ["headwater: The webhook refuses it. It is tried again later; the others and ingest go on."]
