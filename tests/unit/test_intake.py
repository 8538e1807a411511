"""What the routes for events answer, and that an answer of 2xx is never given before the event is durable."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from email.message import Message
from typing import Any

import pytest
from headwater import intake as intake_module
from headwater.errors import IntakeBusy, IntakeRefused
from headwater.intake import BATCH_PATH, EVENT_PATH, Intake
from headwater.serving import Answer, Request, Server
from headwater.sources import Record, TopicPartition
from headwater.sources.http import PLACE, HttpSource
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job
from openlineage.client.event_v2 import JobEvent as Event
from test_loop import event

NO_EVENT = {"reason": "not_an_event", "detail": "none of run, job and dataset is there", "retriable": False}


class Kept:
    """A keeper that has everything at once, and remembers it."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def offer(self, value: bytes) -> Kept:
        self.values.append(value)
        return self

    def wait(self, seconds: float) -> bool:
        return True


def post(intake: Intake, path: str, body: bytes, **headers: str) -> tuple[int, Any, dict[str, str]]:
    message: Message[str, str] = Message()
    for name, value in {"Content_Type": "application/json", **headers}.items():
        message[name.replace("_", "-")] = value
    answer: Answer = intake.routes()[path]["POST"](Request(message, lambda _: body))
    return answer.status, json.loads(answer.body), dict(answer.headers)


def open_intake(keeper: Any, **options: Any) -> Intake:
    intake = Intake(**{"key": None, "body_limit": 1 << 20, **options})
    intake.keeper = keeper
    return intake


def summary(received: int, failed: int) -> dict[str, int]:
    return {
        "received": received,
        "successful": received - failed,
        "failed": failed,
        "retriable": 0,
        "non_retriable": failed,
    }


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_an_event_is_kept_as_it_came(kept: Kept) -> None:
    value = b"\xef\xbb\xbf " + event(1)
    status, said, _ = post(open_intake(kept), EVENT_PATH, value)

    assert status == 201
    assert said == {"status": "success", "summary": summary(1, 0), "failed_events": []}
    assert kept.values == [value]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "Input data was truncated."),
        (b"{", "Input data was truncated."),
        (b'{"eventTime": NaN}', "JSON is malformed: invalid character (byte 14)."),
        (b'{"a":"\xff"}', "byte 6 of 9 is not UTF-8."),
        (b"{}", "none of run, job and dataset is there."),
        (b'{"run":{"runId":"r"},"job":{"namespace":"n","name":"j"}}', "eventTime is missing."),
        (event(1).replace(b'"job"', b'"jib"'), "the event needs a job with namespace and name, two texts."),
        (
            event(1).replace(b'{"runId"', b'{"facets":{"x":{"y":1e999999999999999999999}},"runId"'),
            "a number has an exponent beyond all limits.",
        ),
        (b"[" + event(1) + b"]", "The body is not one event; /api/v1/lineage/batch takes the other kind."),
    ],
)
def test_what_is_no_event_is_refused_with_a_sentence_and_not_kept(kept: Kept, body: bytes, sentence: str) -> None:
    status, said, _ = post(open_intake(kept), EVENT_PATH, body)

    assert (status, kept.values) == (400, [])
    assert said["error"].endswith(sentence)


def test_a_batch_is_judged_event_by_event_and_kept_whole(kept: Kept) -> None:
    value = b"[" + event(1) + b",{}," + event(2) + b"]"
    status, said, _ = post(open_intake(kept), BATCH_PATH, value)

    assert status == 200
    assert said == {
        "status": "partial_success",
        "summary": summary(3, 1),
        "failed_events": [{"index": 1, **NO_EVENT}],
    }
    assert kept.values == [value]


def test_a_batch_without_one_event_that_can_be_read_is_refused(kept: Kept) -> None:
    status, said, _ = post(open_intake(kept), BATCH_PATH, b"[{}, {}]")

    assert (status, kept.values) == (400, [])
    assert said == {
        "error": "No event can be read: none of run, job and dataset is there.",
        "status": "failure",
        "summary": summary(2, 2),
        "failed_events": [{"index": 0, **NO_EVENT}, {"index": 1, **NO_EVENT}],
    }


def test_an_empty_batch_is_fine_and_leaves_nothing(kept: Kept) -> None:
    assert post(open_intake(kept), BATCH_PATH, b" [ \n] ")[:2] == (
        200,
        {"status": "success", "summary": summary(0, 0), "failed_events": []},
    )
    assert kept.values == []


@pytest.mark.parametrize("body", [b"[", b'[{"a":1}', b"[1,]"])
def test_a_batch_that_is_no_json_is_refused(kept: Kept, body: bytes) -> None:
    status, said, _ = post(open_intake(kept), BATCH_PATH, body)

    assert (status, kept.values) == (400, [])
    assert said["failed_events"][0]["reason"] == "invalid_json"


@pytest.mark.parametrize("given", ["", "secret", "Bearer secre", "bearer secret", "Basic secret", "Bearer secret\xe9"])
def test_who_does_not_know_the_key_is_refused_before_the_body_is_read(kept: Kept, given: str) -> None:
    intake = open_intake(kept, key="secret")
    message: Message[str, str] = Message()
    message["Content-Type"] = "application/json"
    message["Authorization"] = given
    answer = intake.routes()[EVENT_PATH]["POST"](Request(message, lambda _: pytest.fail("it was read")))

    assert (answer.status, answer.headers) == (401, {"WWW-Authenticate": "Bearer"})


def test_who_knows_the_key_is_let_in(kept: Kept) -> None:
    assert post(open_intake(kept, key="secret"), EVENT_PATH, event(1), Authorization="Bearer secret")[0] == 201


def test_a_web_page_cannot_send_without_asking_the_browser(kept: Kept) -> None:
    intake = open_intake(kept)

    assert post(intake, EVENT_PATH, event(1), Content_Type="text/plain")[0] == 415
    assert post(intake, EVENT_PATH, event(1), Content_Type="Application/JSON; charset=UTF-8")[0] == 201


class Failing:
    """A keeper that fails when it is asked, or when it is waited for."""

    def __init__(self, exc: Exception | None, when: str) -> None:
        self.exc, self.when = exc, when

    def offer(self, value: bytes) -> Failing:
        if self.exc and self.when == "offer":
            raise self.exc
        return self

    def wait(self, seconds: float) -> bool:
        if self.exc:
            raise self.exc
        return False


@pytest.mark.parametrize(
    ("keeper", "sentence"),
    [
        (None, "The store is not open just now. Send it again later."),
        (Failing(IntakeBusy("too much"), "offer"), "too much"),
        (Failing(IntakeBusy("no broker"), "wait"), "no broker"),
        (
            Failing(None, "wait"),
            "It could not be made durable in time. Send it again: what was written all the same is only a duplicate "
            "then.",
        ),
    ],
)
def test_what_is_not_durable_is_answered_so_that_clients_send_it_again(keeper: Any, sentence: str) -> None:
    status, said, headers = post(open_intake(keeper), EVENT_PATH, event(1))

    assert (status, said, headers) == (503, {"error": sentence}, {"Retry-After": "2"})


def test_each_answer_is_counted_also_a_refusal_from_below(kept: Kept) -> None:
    counted: list[int] = []
    intake = open_intake(kept, count=counted.append)
    post(intake, EVENT_PATH, event(1))
    post(intake, EVENT_PATH, b"{}")
    intake.keeper = Failing(IntakeRefused(413, "too large for the topic"), "offer")
    with pytest.raises(IntakeRefused):
        post(intake, EVENT_PATH, event(1))

    assert counted == [201, 400, 413]


@pytest.mark.parametrize("kind", ["http", "async_http"])
def test_the_python_client_sends_again_by_itself_what_was_not_taken(kept: Kept, kind: str) -> None:
    """It was refused once because the store was not open; then it is."""
    counted: list[int] = []

    def open_after(status: int) -> None:
        counted.append(status)
        intake.keeper = kept

    intake = open_intake(None, count=open_after)
    with closing(Server("127.0.0.1", 0, intake.routes(), pytest.fail)) as server:
        client = OpenLineageClient(config={"transport": {"type": kind, "url": f"http://127.0.0.1:{server.port}"}})
        client.emit(Event(eventTime="2026-01-01T00:00:00Z", producer="p", job=Job(namespace="n", name="j")))
        client.close(timeout=30)

    assert counted == [503, 201]
    assert [json.loads(value)["job"]["name"] for value in kept.values] == ["j"]


# The source: what is offered, polled, written and acknowledged


def next_offset(offset: int) -> dict[TopicPartition, int]:
    return {PLACE: offset}


def assigned(source: HttpSource, offset: int = 0) -> HttpSource:
    assert source.poll(0) == ()
    source.seek(next_offset(offset))
    return source


def test_nothing_is_accepted_before_the_store_has_it() -> None:
    source = assigned(HttpSource(), 7)
    first, second = source.offer(b"one"), source.offer(b"two")

    assert source.poll(0) == [Record(*PLACE, 7, b"one"), Record(*PLACE, 8, b"two")]
    assert not first.wait(0)
    source.acknowledge(next_offset(8))
    assert first.wait(0)
    assert not second.wait(0)
    source.acknowledge(next_offset(9))
    assert second.wait(0)


def test_what_was_polled_and_not_written_comes_again_in_its_order() -> None:
    source = assigned(HttpSource())
    receipts = [source.offer(value) for value in (b"one", b"two", b"three")]
    source.poll(0)
    receipts.append(source.offer(b"four"))
    source.seek(next_offset(1))

    assert [receipt.wait(0) for receipt in receipts] == [True, False, False, False]
    assert source.poll(0) == [
        Record(*PLACE, 1, b"two"),
        Record(*PLACE, 2, b"three"),
        Record(*PLACE, 3, b"four"),
    ]


def test_who_waits_when_it_closes_is_told_at_once_that_nothing_was_accepted() -> None:
    source = assigned(HttpSource())
    receipt = source.offer(b"one")
    answers: list[bool] = []
    sender = threading.Thread(target=lambda: answers.append(receipt.wait(60)))
    sender.start()
    source.poll(0)
    source.close()
    sender.join(20)

    assert answers == [False]
    with pytest.raises(IntakeBusy, match="The sidecar is stopping"):
        source.offer(b"two")


def test_a_word_once_given_holds() -> None:
    source = assigned(HttpSource())
    receipt = source.offer(b"one")
    source.poll(0)
    source.acknowledge(next_offset(1))
    source.close()

    assert receipt.wait(0)


def test_only_so_much_may_wait_for_the_store_but_never_nothing() -> None:
    source = assigned(HttpSource(max_bytes=10))
    source.offer(b"x" * 50)  # larger than all of it: it must get through all the same
    with pytest.raises(IntakeBusy, match="50 bytes wait for the store already"):
        source.offer(b"x")
    source.poll(0)
    with pytest.raises(IntakeBusy):
        source.offer(b"x")
    source.acknowledge(next_offset(1))
    source.offer(b"x" * 10)

    assert source.waiting_bytes == 10


def test_a_poll_waits_for_what_comes_and_not_for_company() -> None:
    source = assigned(HttpSource())
    timer = threading.Timer(0.05, source.offer, [b"one"])
    timer.start()

    assert source.poll(60) == [Record(*PLACE, 0, b"one")]
    assert source.poll(60) == ()


def test_the_judgement_is_that_of_the_loop() -> None:
    """Whatever the trial lets in, the loop can read, and the other way round: here over one of each kind."""
    values: Sequence[bytes] = [event(1), b"{}", b"[]", b"x", b"[" + event(1) + b",{}]"]
    trial = intake_module.Trial()

    assert [[verdict and verdict.reason for verdict in trial.judge(value)] for value in values] == [
        [None],
        ["not_an_event"],
        ["not_an_event"],
        ["invalid_json"],
        [None, "not_an_event"],
    ]


_: Callable[..., Any] = HttpSource  # the Protocol is checked where a Loop is made
