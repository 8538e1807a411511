"""Takes OpenLineage events by HTTP, as the http transports of its clients send them.

What is answered with 2xx is durable: committed to the store, or acknowledged by the brokers of the topic. Anything else
was not taken, and is still the sender's. The clients try again after 503 (OpenLineage for Python by itself, with the
pause that Retry-After asks for); an event that was written although its answer was lost is a duplicate then.

Each request is judged before it is taken, by folding it on trial. So who sends what is no event is told so, and can
neither fill the store with dead letters nor, like a wrong topic, stop the sidecar. The events of a batch count one by
one, as in the OpenLineage API: those that can be read are taken, and the answer names the others, which are kept as
dead letters for the sake of senders that never look at the answer. Where nothing can be read, nothing is kept.
"""

from __future__ import annotations

import hmac
import re
import threading
from collections.abc import Callable
from datetime import UTC, tzinfo
from typing import Protocol

from .batch import Batch
from .errors import IntakeBusy, UnreadableRecord
from .event import decode
from .fold import Folder, Origin
from .serving import Answer, Request, Route, json_answer, refusal

EVENT_PATH = "/api/v1/lineage"
BATCH_PATH = "/api/v1/lineage/batch"
WAIT_SECONDS = 30.0  # for the store or the brokers; clients give up sooner, and send again
RETRY_SECONDS = 2  # that a sender is asked to wait
_EMPTY_ARRAY = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\]\s*")
_TRIAL_CACHE = 4 << 20  # bytes of facets that the trial remembers


class Receipt(Protocol):
    """What a keeper gives for a record."""

    def wait(self, seconds: float) -> bool:
        """Return whether the record is durable, after so many seconds at most.

        Raises:
            IntakeError: it is not, and will not be.
        """


class Keeper(Protocol):
    """Makes records durable."""

    def offer(self, value: bytes) -> Receipt:
        """Take a record: one event, or an array of them.

        Raises:
            IntakeError: not now, or not at all.
        """


class Trial:
    """Tells what would become of the events of a record, exactly as the loop would, and leaves nothing behind."""

    def __init__(self, naive_zone: tzinfo = UTC) -> None:
        """Make one; a time without a zone is one of *naive_zone*."""
        self._naive_zone = naive_zone
        self._folder = Folder(_TRIAL_CACHE, naive_zone)
        self._lock = threading.Lock()

    def judge(self, value: bytes) -> list[UnreadableRecord | None]:
        """Return, for each event, None or why it cannot be read."""
        batch = Batch()
        verdicts: list[UnreadableRecord | None] = []
        with self._lock:
            for element, event in enumerate(decode(value, self._naive_zone)):
                try:
                    if isinstance(event, UnreadableRecord):
                        raise event
                    self._folder.fold(event, Origin("", 0, 0, element, 0), batch)
                    verdicts.append(None)
                except UnreadableRecord as why:
                    verdicts.append(why)
        return verdicts


class Intake:
    """The routes for events.

    Attributes:
        keeper: makes durable what is sent; None while there is nobody who could.
    """

    def __init__(
        self,
        *,
        key: str | None,
        body_limit: int,
        naive_zone: tzinfo = UTC,
        count: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Make the routes.

        Args:
            key: what senders must know, as ``Authorization: Bearer KEY``; None lets everybody send.
            body_limit: bytes of a body, unpacked.
            naive_zone: the zone of times that come without one.
            count: told the status of each answer.
        """
        self.keeper: Keeper | None = None
        self._key = key
        self._body_limit = body_limit
        self._count = count
        self._trial = Trial(naive_zone)

    def routes(self) -> dict[str, dict[str, Route]]:
        """Return the routes, by path and method."""
        return {EVENT_PATH: {"POST": self._event}, BATCH_PATH: {"POST": self._batch}}

    def _event(self, request: Request) -> Answer:
        return self._counted(request, is_batch=False)

    def _batch(self, request: Request) -> Answer:
        return self._counted(request, is_batch=True)

    def _counted(self, request: Request, *, is_batch: bool) -> Answer:
        status = 500
        try:
            answer = self._take(request, is_batch=is_batch)
            status = answer.status
        except Exception as exc:
            status = getattr(exc, "status", status)
            raise
        finally:
            self._count(status)
        return answer

    def _take(self, request: Request, *, is_batch: bool) -> Answer:
        if not self._is_known(request):
            return refusal(401, "The key is missing or wrong.", {"WWW-Authenticate": "Bearer"})
        # A web page can make a browser send other types to this machine without asking, but not this one.
        if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            return refusal(415, "Content-Type is not application/json.")
        keeper = self.keeper
        if keeper is None:
            return _busy("The store is not open just now. Send it again later.")
        value = request.body(self._body_limit)
        if (value.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[") is not is_batch:
            what, other = ("an array of events", EVENT_PATH) if is_batch else ("one event", BATCH_PATH)
            return refusal(400, f"The body is not {what}; {other} takes the other kind.")
        verdicts = self._trial.judge(value)
        if is_batch and _EMPTY_ARRAY.fullmatch(value):
            verdicts = []  # nothing wrong with it
        elif None not in verdicts:
            return json_answer(400, {"error": _first_problem(verdicts), **_summary(verdicts)})
        if verdicts and (problem := _kept(keeper, value)):
            return _busy(problem)
        return json_answer(200 if is_batch else 201, _summary(verdicts))

    def _is_known(self, request: Request) -> bool:
        if self._key is None:
            return True
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self._key}".encode())


def _kept(keeper: Keeper, value: bytes) -> str | None:
    """Return once *value* is durable, or with a sentence if it is not."""
    try:
        if keeper.offer(value).wait(WAIT_SECONDS):
            return None
    except IntakeBusy as exc:
        return str(exc)
    return (
        "It could not be made durable in time. Send it again: what was written all the same is only a duplicate then."
    )


def _busy(sentence: str) -> Answer:
    return refusal(503, sentence, {"Retry-After": str(RETRY_SECONDS)})


def _first_problem(verdicts: list[UnreadableRecord | None]) -> str:
    problem = next(verdict for verdict in verdicts if verdict is not None)
    return f"No event can be read: {problem.detail}." if len(verdicts) > 1 else f"{problem.detail}."


def _summary(verdicts: list[UnreadableRecord | None]) -> dict[str, object]:
    """Return the answer of the OpenLineage API to a batch."""
    failed = [(index, verdict) for index, verdict in enumerate(verdicts) if verdict is not None]
    status = "success" if not failed else "failure" if len(failed) == len(verdicts) else "partial_success"
    return {
        "status": status,
        "summary": {
            "received": len(verdicts),
            "successful": len(verdicts) - len(failed),
            "failed": len(failed),
            "retriable": 0,
            "non_retriable": len(failed),
        },
        "failed_events": [
            {"index": index, "reason": verdict.reason, "detail": verdict.detail, "retriable": False}
            for index, verdict in failed
        ],
    }
