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

from ..notice import Notice
from ..settings import settings
from .options import settings_of
from .output import log_as, say, saying, writing

if TYPE_CHECKING:
    from ..loop import Progress

REPLAY_PUBLISH = 10.0  # seconds between two publications of a replay
FULL_DISK_PAUSE = 30.0  # seconds until a full disk is looked at again

_UPKEEP = (
    "retain_events",
    "retain_runs",
    "retain_check_results",
    "retain_duplicates",
    "retain_dead_letters",
    "retain_gaps",
    "retain_every",
    "compact_every",
)
_WRITING = (
    "store",
    "store_mode",
    "publish_every",
    "batch_events",
    "batch_bytes",
    "batch_seconds",
    "dead_letter_share",
    "dead_letter_run",
    "memory_limit",
    "threads",
    "cache_memory",
    "check_dimensions",
    "incident_reopens_within",
    "naive_time_zone",
    "namespace_map",
    "case_insensitive_namespaces",
    "trim_partitions",
    "redact",
    "redact_key",
    "redact_key_file",
    "max_facet_bytes",
    "max_record_bytes",
)
_WEBHOOK = (
    "webhook_url",
    "webhook_url_file",
    "webhook_template",
    "webhook_min_severity",
    "webhook_delay",
    "webhook_every",
)
_KAFKA = (
    "bootstrap_servers",
    "topic",
    "group_id",
    "security_protocol",
    "ssl_cafile",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_key_password",
    "ssl_key_password_file",
    "ssl_check_hostname",
    "sasl_mechanism",
    "sasl_username",
    "sasl_password",
    "sasl_password_file",
    "sasl_oauth_token_file",
    "sasl_oauth_token_url",
    "sasl_oauth_client_id",
    "sasl_oauth_client_secret",
    "sasl_oauth_client_secret_file",
    "sasl_oauth_scope",
)


_DQOPS = ("dqops", "dqops_every", "source_namespaces")
_SERVING = ("listen", "http", "http_api_key", "http_api_key_file", "http_body_limit")
_LOGS = ("log_format",)


@click.command()
@settings_of(*_KAFKA, *_WRITING, *_DQOPS, *_WEBHOOK, *_SERVING, *_LOGS, *_UPKEEP)
@click.option("--until-caught-up", is_flag=True, help="End once everything is folded that was there at the start.")
def consume(until_caught_up: bool, **given: Any) -> None:
    """Fold a Kafka topic into the store and publish it as it grows: the sidecar.

    Goes on where the store ends; a topic read for the first time is read from its beginning. SIGTERM ends it cleanly.
    With --webhook-url it tells people about each new incident, once. With --listen it serves metrics and health, and
    with --http it takes events from producers that have no Kafka.
    """
    from ..errors import StoreFull
    from .running import stop_on_signal
    from .serving import serving
    from .sidecar import Sidecar

    chosen = settings(**given)
    log_as(chosen.log_format)
    say(Notice(f"headwater consume: {chosen.described()}", "started", settings=chosen.model_dump(mode="json")))
    with stop_on_signal() as stop:
        sidecar = Sidecar(chosen, stop.is_set, until_caught_up=until_caught_up)
        with contextlib.closing(sidecar), serving(chosen, sidecar.watch, sidecar.intake):
            while True:
                try:
                    done = sidecar.run()
                    break
                except StoreFull as exc:
                    if until_caught_up or stop.is_set():
                        raise
                    # What was committed is safe, and the offsets with it: start afresh from there once there is room.
                    sidecar.watch.failed(exc)
                    say(Notice(f"headwater: {exc} Waiting for room.", "store_full", "error"))
                    stop.wait(FULL_DISK_PAUSE)
    say(Notice(f"Done: {_summary(done)}.", "stopped", **done._asdict()))


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@settings_of(*_WRITING, *_LOGS)
def replay(paths: tuple[str, ...], **given: Any) -> None:
    """Fold captured events into the store; no broker is needed.

    PATH is a file of JSON lines (.ndjson, .jsonl), of one event or an array of events (.json), either of them packed
    (.gz, .zst), a folder of such files, what 'headwater capture' wrote, or - for standard input. Replaying something
    again changes nothing.

    \b
      headwater replay events.ndjson.gz more/ --store lineage.duckdb
    """  # noqa: D301
    from ..sources.files import FileSource
    from .running import in_bulk, limits_of, run_loop, stop_on_signal

    chosen = in_bulk(settings(**given))
    log_as(chosen.log_format)
    source = FileSource(paths)
    # Nobody waits for a file's newest record: whole batches, and readers see how far it is now and then.
    limits = limits_of(chosen)._replace(seconds=math.inf, publish_seconds=max(REPLAY_PUBLISH, chosen.publish_every))
    with stop_on_signal() as stop, progress_bar("replay", source.total_bytes) as advance:
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
@settings_of(*(name for name in _KAFKA if name != "group_id"), *_LOGS)
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
    log_as(chosen.log_format)
    count = 0
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        stream = stack.enter_context(writing(out))
        advance = stack.enter_context(progress_bar("capture", None))
        messages = kafka.capture(
            chosen.bootstrap_servers,
            chosen.topic,
            follow=follow,
            options=chosen.kafka_options(),
            on_waiting=saying("waiting_for_broker"),
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
def progress_bar(what: str, total: int | None, unit: str = "bytes") -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how far the work is; shown on stderr, and only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    amount = DownloadColumn() if total is not None and unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn(what), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
