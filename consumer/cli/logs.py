"""What is said while Headwater runs, as JSON lines for programs that gather logs.

A line is one object: ``time`` (UTC), ``level``, ``event`` (what happened, from a set that does not change), ``message``
(the sentence), and the particulars, such as topic, partition and offset. The standard library's logging brings in what
other libraries say; of our own, a sentence is a line with no logger in between.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime

import click

from ..notice import Level, Notice

_HANDLER_NAME = "headwater-json"


def line_of(sentence: str) -> str:
    """Return the line that says *sentence*."""
    notice = sentence if isinstance(sentence, Notice) else Notice(sentence, "message")
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said = {"time": now, "level": notice.level, "event": notice.event, "message": str(notice), **notice.fields}
    return json.dumps(said, ensure_ascii=False, default=str)


def relay_warnings() -> None:
    """Let the warnings of other libraries come out as lines too; once is enough."""
    root = logging.getLogger()
    if not any(handler.name == _HANDLER_NAME for handler in root.handlers):
        handler = _Lines(logging.WARNING)
        handler.name = _HANDLER_NAME
        root.addHandler(handler)


class _Lines(logging.Handler):
    """Writes a line for each record, to what stderr is by then."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info:
            fields["exception"] = "".join(traceback.format_exception(*record.exc_info))
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        click.echo(line_of(Notice(record.getMessage(), "library", level, **fields)), err=True)
