"""A transport of the OpenLineage Python client that records events in a file instead of sending them.

The only module that imports openlineage-python, which is no dependency of Headwater: whoever emits events has it.
A client makes this transport when its configuration says so, in whichever process it is::

    {"transport": {"type": "headwater.recording.RecordingTransport", "path": "recorded.ndjson"}}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openlineage.client.serde import Serde
from openlineage.client.transport import Config, Transport

if TYPE_CHECKING:
    from openlineage.client.client import Event


@dataclass
class RecordingConfig(Config):
    """What the transport is told: the file to append to."""

    path: Path

    @classmethod
    def from_dict(cls, params: dict[str, object]) -> RecordingConfig:
        """Take ``path``; whatever else the environment adds is another transport's."""
        return cls(Path(str(params["path"])))


class RecordingTransport(Transport):
    """Appends each event to a file, as the bytes that would go to Kafka or over HTTP."""

    kind = "headwater-recording"
    config_class = RecordingConfig

    def __init__(self, config: RecordingConfig) -> None:
        """Take the file; it is made when the first event comes."""
        self._path = config.path

    def emit(self, event: Event) -> None:
        """Record *event*; threads and processes may do so at once."""
        line = Serde.to_json(event).encode() + b"\n"
        # One write at the end of the file is never mixed up with another one, however long the line is.
        with self._path.open("ab", buffering=0) as file:
            file.write(line)
