"""What Headwater says while it runs: a sentence for people that also knows, for programs, what it is about."""

from __future__ import annotations

from typing import Literal, Self

Level = Literal["info", "warning", "error"]


class Notice(str):
    """A sentence with the name of what happened and its particulars; to whoever only reads it, it is the sentence.

    Attributes:
        event: what happened, in a word or two that never change: ``gap``, ``dead_letter``.
        level: how bad it is.
        fields: the particulars, such as topic, partition and offset; JSON has a type for each.
    """

    __slots__ = ("event", "fields", "level")

    event: str
    level: Level
    fields: dict[str, object]

    def __new__(cls, sentence: str, event: str, level: Level = "info", **fields: object) -> Self:
        """Make a notice of *sentence*; a notice already keeps what it knows."""
        notice = super().__new__(cls, sentence)
        notice.event, notice.level, notice.fields = event, level, fields
        return notice
