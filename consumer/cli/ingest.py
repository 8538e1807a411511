"""The verbs that bring events in: consume, replay, capture, and the demo."""

from __future__ import annotations

import contextlib
import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..settings import Settings, settings
from .options import settings_of
from .output import say, writing

if TYPE_CHECKING:
    from ..loop import Progress

REPLAY_PUBLISH = 10.0  # seconds between two publications of a replay
FULL_DISK_PAUSE = 30.0  # seconds until a full disk is looked at again

_WRITING = (
    "store",
    "publish_every",
    "batch_events",
    "batch_bytes",
    "batch_seconds",
    "dead_letter_share",
    "dead_letter_run",
    "memory_limit",
    "threads",
    "cache_memory",
)
_KAFKA = (
    "bootstrap_servers",
    "topic",
    "group_id",
    "security_protocol",
    "sasl_mechanism",
    "sasl_username",
    "sasl_password",
    "ssl_cafile",
)


@click.command()
@settings_of(*_KAFKA, *_WRITING)
@click.option("--until-caught-up", is_flag=True, help="End once everything is folded that was there at the start.")
def consume(until_caught_up: bool, **given: Any) -> None:
    """Fold a Kafka topic into the store and publish it as it grows: the sidecar.

    Goes on where the store ends; a topic read for the first time is read from its beginning. SIGTERM ends it cleanly.
    """
    from ..errors import StoreFull
    from .running import stop_on_signal

    chosen = settings(**given)
    say(f"headwater consume: {chosen.described()}")
    with stop_on_signal() as stop:
        while True:
            try:
                done = _consume_once(chosen, stop.is_set, until_caught_up)
                break
            except StoreFull as exc:
                if until_caught_up or stop.is_set():
                    raise
                # What was committed is safe, and the offsets with it: start afresh from there once there is room.
                say(f"headwater: {exc} Waiting for room.")
                stop.wait(FULL_DISK_PAUSE)
    say(f"Done: {_summary(done)}.")


def _consume_once(chosen: Settings, stopping: Callable[[], bool], until_caught_up: bool) -> Progress:
    from ..sources.kafka import KafkaSource
    from .running import run_loop

    source = KafkaSource(
        chosen.bootstrap_servers,
        chosen.topic,
        chosen.group_id,
        options=chosen.kafka_options(),
        on_waiting=say,
        stopping=stopping,
    )
    return run_loop(chosen, source, keeps_offsets=True, stopping=stopping, until_caught_up=until_caught_up)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@settings_of(*_WRITING)
def replay(paths: tuple[str, ...], **given: Any) -> None:
    """Fold captured events into the store; no broker is needed.

    PATH is a file of JSON lines (.ndjson, .jsonl), of one event or an array of events (.json), either of them packed
    (.gz, .zst), a folder of such files, what 'headwater capture' wrote, or - for standard input. Replaying something
    again changes nothing.

    \b
      headwater replay events.ndjson.gz more/ --store lineage.duckdb
    """  # noqa: D301
    from ..sources.files import FileSource
    from .running import limits_of, run_loop, stop_on_signal

    chosen = settings(**given)
    source = FileSource(paths)
    # Nobody waits for a file's newest record: whole batches, and readers see how far it is now and then.
    limits = limits_of(chosen)._replace(seconds=math.inf, publish_seconds=max(REPLAY_PUBLISH, chosen.publish_every))
    with stop_on_signal() as stop, _progress_bar("replay", source.total_bytes) as advance:
        done = run_loop(
            chosen,
            source,
            keeps_offsets=False,
            stopping=stop.is_set,
            limits=limits,
            on_progress=lambda _: advance(source.bytes_read),
        )
        stopped = stop.is_set()
    say(f"Replayed {_summary(done)} into {chosen.store}.")
    if stopped:
        say("Stopped by a signal before the end. Replay again: what is in the store already changes nothing.")
        raise click.exceptions.Exit(1)
    if done.dead_letters:
        say("See why with 'headwater dead-letters'.")


@click.command()
@click.argument("out", metavar="OUT")
@settings_of(*(name for name in _KAFKA if name != "group_id"))
@click.option("--follow", is_flag=True, help="Go on until SIGTERM or Ctrl-C.  [default: stop at the end of the topic]")
def capture(out: str, follow: bool, **given: Any) -> None:
    """Record a topic to OUT as JSON lines; - is standard output.

    Each line has the record's topic, partition, offset, timestamp, key, headers and value, so that 'headwater replay'
    folds exactly what was there. Joins no group and commits nothing. OUT is complete or not there at all; .gz and
    .zst are packed.
    """
    from ..sources import kafka
    from ..sources.captured import encode
    from .running import stop_on_signal

    chosen = settings(**given)
    count = 0
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        stream = stack.enter_context(writing(out))
        advance = stack.enter_context(_progress_bar("capture", None))
        messages = kafka.capture(
            chosen.bootstrap_servers,
            chosen.topic,
            follow=follow,
            options=chosen.kafka_options(),
            on_waiting=say,
            stopping=stop.is_set,
        )
        # Closed whatever happens: at the end of the interpreter the consumer would wait for a thread that is gone.
        for batch in stack.enter_context(contextlib.closing(messages)):
            stream.write(b"".join(encode(message) + b"\n" for message in batch))
            count += len(batch)
            advance(count)
    say(f"Captured {count:,} records to {out}.")


@click.command()
@click.option("--store", type=click.Path(), help="Where to keep the demo's store.  [default: a temporary file]")
@click.option("--day", type=click.Choice(["broken", "healthy"]), default="broken", help="Which recorded day to replay.")
def demo(store: str | None, day: str) -> None:
    """Replay a recorded day of the sales platform, then ask what broke its data mart.

    A dbt project loads customers from landing tables into a data mart. On the broken day a duplicate arrives in one
    of them, and a uniqueness check fails at the other end. Without --store the store is a temporary file.
    """
    from ..sources.files import FileSource
    from .demo import events_of, tell
    from .running import run_loop

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="headwater-demo-"))
        chosen = settings(store=store or Path(folder) / "lineage.duckdb")
        for path in events_of(day):
            say(f"Replaying {path.name} …")
            run_loop(chosen, FileSource([path]), keeps_offsets=False, stopping=lambda: False)
        tell(chosen.store, day, keeps=store is not None)


def _summary(done: Progress) -> str:
    return f"{done.records:,} records: {done.events:,} events, {done.dead_letters:,} dead letters"


@contextlib.contextmanager
def _progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how far the work is; shown on stderr, and only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    amount = DownloadColumn() if total is not None else MofNCompleteColumn()
    columns = (TextColumn(what), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
