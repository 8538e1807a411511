"""Records from Kafka topics. The one place that imports kafka-python; its errors become ours here.

`source` reads topics as a member of a group, `capture` copies them whole, and `cluster` is how both of them
reach the brokers. Positions are never left to the client. It has no reset policy, so that an offset that the
broker no longer has comes up as an error and not as a jump; and it commits nothing by itself, so that `seek`
alone says where to go on.
"""

from __future__ import annotations

from .capture import capture
from .source import KafkaSource

__all__ = ["KafkaSource", "capture"]
