"""Putting the sidecar together: its source, what watches over it, and how it takes events by HTTP."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .. import metrics
from ..clock import SystemClock
from ..errors import SettingsError
from ..intake import Intake
from ..store import live_path
from ..watching import Watch
from .output import say, saying
from .running import limits_of, run_loop

if TYPE_CHECKING:
    from ..loop import Limits, Progress
    from ..names import TopicPartition
    from ..settings import Settings
    from ..sources import Source
    from ..sources.kafka import KafkaSource
    from ..sources.kafka.forward import Forwarder


class Sidecar:
    """Runs loops, one after the other if need be.

    Attributes:
        watch: watches over all of them.
        intake: takes events by HTTP, if the settings say so.
    """

    def __init__(self, chosen: Settings, stopping: Callable[[], bool], *, until_caught_up: bool) -> None:
        """Make one from the settings.

        Raises:
            SettingsError: they contradict each other.
        """
        if chosen.http == "store" and until_caught_up:
            raise SettingsError(
                "What is sent by HTTP has no end to catch up with: leave --until-caught-up or --http out."
            )
        self._chosen = chosen
        self._stopping = stopping
        self._until_caught_up = until_caught_up
        live = live_path(chosen.store)
        files = {"live": live, "wal": live.with_name(f"{live.name}.wal"), "published": chosen.store}
        self.watch = Watch(SystemClock(), say, files)
        self.intake = self._intake() if chosen.http else None
        self._forwarder: Forwarder | None = None
        if self.intake is not None and chosen.http == "topic":
            # Not with each loop: while the store waits for room, the topic still takes what is sent.
            self.intake.keeper = self._forwarder = self._make_forwarder()

    def _intake(self) -> Intake:
        return Intake(
            key=self._chosen.secret("http_api_key"),
            # What is accepted is kept whole, so it cannot be larger than what the loop reads.
            body_limit=min(self._chosen.http_body_limit, self._chosen.max_record_bytes),
            naive_zone=self._chosen.naive_zone,
            count=self.watch.answered,
        )

    def _make_forwarder(self) -> Forwarder:
        from ..sources.kafka.forward import Forwarder

        chosen = self._chosen
        return Forwarder(
            chosen.bootstrap_servers,
            chosen.topic[0],
            options=chosen.kafka_options(),
            max_bytes=chosen.http_body_limit,
        )

    def run(self) -> Progress:
        """Run one loop until told to stop, or until it cannot go on."""
        if self.intake is not None and self._chosen.http == "store":
            return self._run_on_http(self.intake)
        return self._run(self._kafka())

    def close(self) -> None:
        """Take nothing more by HTTP."""
        if self._forwarder is not None:
            self._forwarder.close()

    def _run_on_http(self, intake: Intake) -> Progress:
        from ..sources.http import HttpSource

        source = HttpSource()
        # Each sender is told what could not be read; stopping would only punish the others for it.
        limits = limits_of(self._chosen)._replace(dead_letter_share=1.0, dead_letter_run=sys.maxsize)
        intake.keeper = source
        self.watch.show(metrics.WAITING, lambda: source.waiting_bytes)
        try:
            return self._run(source, limits, source.acknowledge)
        finally:
            intake.keeper = None

    def _kafka(self) -> KafkaSource:
        from ..sources.kafka import KafkaSource

        chosen = self._chosen
        return KafkaSource(
            chosen.bootstrap_servers,
            chosen.topic,
            chosen.group_id,
            options=chosen.kafka_options(),
            on_waiting=saying("waiting_for_broker"),
            stopping=self._stopping,
        )

    def _run(
        self,
        source: Source,
        limits: Limits | None = None,
        acknowledge: Callable[[Mapping[TopicPartition, int]], None] | None = None,
    ) -> Progress:
        return run_loop(
            self._chosen,
            source,
            keeps_offsets=True,
            stopping=self._stopping,
            limits=limits,
            until_caught_up=self._until_caught_up,
            dqops=self._chosen.dqops,
            tells=True,
            watch=self.watch,
            acknowledge=acknowledge,
        )
