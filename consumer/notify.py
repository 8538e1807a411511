"""Tells people about incidents while the sidecar runs, in a thread of its own.

The incidents are asked of the published store in a process of their own, so that the question costs ingest neither
memory nor the interpreter, and so that no descriptor of a snapshot is closed in the process that publishes. What was
told is a row of the store: a restart tells nothing twice, and what could not be told is told later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from .clock import Clock
from .errors import HeadwaterError, StoreError, WebhookError, WebhookUnavailable

SEVERITIES = ("warning", "error", "fatal")
LONGEST_PAUSE = 600.0  # seconds between two tries when nothing goes through
PATIENCE = 30.0  # seconds at the end for a message that is on its way
LARGEST_SHARE = 0.1  # of the time, for looking: the bigger the store, the rarer the looks

Incident = Mapping[str, Any]


class Receiver(Protocol):
    """Takes incidents; a `headwater.webhook.Webhook` is one."""

    def send(self, incident: Incident, *, attempts: int = ..., sleep: Callable[[float], None]) -> None:
        """Send an incident, or raise."""
        ...


class _StoppedError(HeadwaterError):
    """The sidecar ends: no more tries."""


class Notifier:
    """Looks for incidents that nobody was told about, and tells them once each."""

    def __init__(
        self,
        receiver: Receiver,
        *,
        untold: Callable[[], Iterable[Incident]],
        record: Callable[[Incident, datetime], None],
        told: Mapping[str, datetime],
        clock: Clock,
        say: Callable[[str], None],
        min_severity: str,
        every: float,
        delay: float,
        count: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Put the pieces together; nothing happens before `start`.

        Args:
            receiver: takes the incidents.
            untold: returns the rows of ``store.incident_to_tell``, as old as the last publication.
            record: keeps in the store that an incident was told, and when.
            told: what the store knows of that.
            clock: tells the time.
            say: takes sentences for people.
            min_severity: incidents that are less bad are not told.
            every: seconds between two looks.
            delay: seconds that an incident must have been there.
            count: told whether an incident went through, each time that one is sent.
        """
        self._receiver = receiver
        self._untold = untold
        self._record = record
        self._told = dict(told)
        self._clock = clock
        self._say = say
        self._severities = SEVERITIES[SEVERITIES.index(min_severity) :]
        self._every = every
        self._delay = delay
        self._count = count
        self._noticed: dict[str, float] = {}  # when each was seen first, on the monotonic clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headwater-notifier", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self, *, patience: float = PATIENCE) -> None:
        """Stop, and tell what is left, each with one try and no delay. Never raises for the webhook's sake.

        Args:
            patience: seconds to wait for a message that is on its way.
        """
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        if self._thread.is_alive():
            self._say("headwater: the webhook does not come to an end; what it was not told it is told next time.")
        else:
            self.look(last=True)

    def look(self, *, last: bool = False) -> bool:
        """Tell what is due; return whether everything that was due went through."""
        try:
            outcomes = [self._goes_through(incident, last) for incident in self._due(last)]
            return all(outcomes)
        except _StoppedError:
            return False
        except HeadwaterError as exc:
            self._say(f"headwater: {exc} It is tried again later; ingest goes on.")
            return False

    def _goes_through(self, incident: Incident, last: bool) -> bool:
        """Tell one incident. One that is refused keeps no other from being told; a receiver that is away does."""
        try:
            self._tell(incident, last)
        except WebhookUnavailable:
            self._count(False)
            raise
        except WebhookError as exc:
            self._count(False)
            self._say(f"headwater: {exc} It is tried again later; the others and ingest go on.")
            return False
        self._count(True)
        return True

    def _run(self) -> None:
        pause = self._every
        while not self._stopping.wait(pause):
            began = self._clock.monotonic()
            went_through = self.look()
            rare = (self._clock.monotonic() - began) / LARGEST_SHARE
            pause = max(self._every, rare) if went_through else min(max(pause, 1.0) * 2, LONGEST_PAUSE)

    def _due(self, last: bool) -> list[Incident]:
        found = {str(incident["incident_id"]): incident for incident in self._untold() if self._concerns(incident)}
        now = self._clock.monotonic()
        # An incident may be gone again: what looked like a cause was explained by something further upstream.
        self._noticed = {name: self._noticed.get(name, now) for name in found}
        return [found[name] for name, since in self._noticed.items() if last or now - since >= self._delay]

    def _concerns(self, incident: Incident) -> bool:
        """Tell whether an incident is bad enough, and not one whose notice is not published yet."""
        if incident["severity"] not in self._severities:
            return False
        told = self._told.get(str(incident["incident_id"]))
        reopened = incident["reopened_after"]
        return told is None or (reopened is not None and told < datetime.fromisoformat(reopened))

    def _tell(self, incident: Incident, last: bool) -> None:
        if last:
            self._receiver.send(incident, attempts=1, sleep=lambda _: None)
        else:
            self._receiver.send(incident, sleep=self._wait)
        name, now = str(incident["incident_id"]), datetime.fromtimestamp(self._clock.now() / 1_000_000, UTC)
        self._told[name] = now
        try:
            self._record(incident, now)
        except StoreError as exc:
            self._say(f"headwater: incident {name} was told, which could not be written down: {exc}")

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _StoppedError
