"""Putting the pieces of the webhook together: what it asks, where it tells, what it writes down."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..clock import SystemClock
from ..errors import StoreError
from ..notify import Notifier
from ..settings import Settings
from ..store import IncidentNotice, Store, failures_of
from ..webhook import Webhook
from .output import saying

_TO_TELL = "FROM store.incident_to_tell ORDER BY first_seen_at, incident_id"


@contextlib.contextmanager
def telling(
    chosen: Settings, url: str, store: Store, count: Callable[[bool], None] = lambda _: None
) -> Iterator[Notifier]:
    """Tell the webhook at *url* about incidents until the end, and once more then; *count* how it goes."""
    notifier = Notifier(
        Webhook(url, chosen.webhook_template),
        untold=PublishedIncidents(chosen.store),
        record=lambda incident, sent_at: store.keep(
            IncidentNotice(str(incident["incident_id"]), sent_at, failures_of(incident))
        ),
        told=store.notices(),
        clock=SystemClock(),
        say=saying("webhook"),
        min_severity=chosen.webhook_min_severity,
        every=chosen.webhook_every,
        delay=chosen.webhook_delay,
        count=count,
    )
    notifier.start()
    try:
        yield notifier
    finally:
        notifier.close()


class PublishedIncidents:
    """Asks the published store which incidents are to be told, in a process of its own, if it is a new one."""

    def __init__(self, path: Path) -> None:
        """Ask the store at *path*, whether it is there yet or not."""
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._found: list[dict[str, Any]] = []

    def __call__(self) -> list[dict[str, Any]]:
        """Return the rows.

        Raises:
            StoreError: the store could not be asked.
        """
        try:
            file = self._path.stat()
        except FileNotFoundError:
            return []
        if (file.st_ino, file.st_mtime_ns) != self._seen:
            self._found = self._ask()
            self._seen = (file.st_ino, file.st_mtime_ns)
        return self._found

    def _ask(self) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "headwater", "query", _TO_TELL, "--format", "json", "--store", str(self._path)]
        # A session of its own: Ctrl-C is for the sidecar, which asks once more before it ends.
        done = subprocess.run(command, capture_output=True, encoding="utf-8", start_new_session=True, check=False)
        if done.returncode:
            raise StoreError(f"The incidents of {self._path} could not be asked for: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]
