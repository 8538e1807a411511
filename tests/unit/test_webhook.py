"""The webhook against a real HTTP server of this machine."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from headwater.errors import SettingsError, WebhookError, WebhookUnavailable
from headwater.webhook import Webhook, sentence
from http_server import Server

INCIDENT = {
    "incident_id": "0b6c9ac81e4f",
    "status": "open",
    "namespace": "db",
    "name": "landing.customers",
    "field": "customer_id",
    "kind": "failed_check",
    "severity": "error",
    "first_seen_at": "2026-01-01T00:00:00Z",
    "last_seen_at": "2026-01-01T00:05:00Z",
    "resolved_at": None,
    "failing_checks": 2,
    "affected_datasets": 2,
    "dimension": "Uniqueness",
    "owners": ["ada", "bob"],
    "actor": None,
    "note": None,
    "reopened_after": None,
    "checks": [
        {
            "namespace": "db",
            "name": "landing.customers",
            "field": "customer_id",
            "check_name": "u",
            "severity": "error",
        },
        {"namespace": "db", "name": "mart.customers", "field": None, "check_name": "v", "severity": "warning"},
    ],
}
SENTENCE = (
    "error: 2 checks of 2 datasets failed; the cause is landing.customers (customer_id, Uniqueness), since "
    "2026-01-01T00:00:00Z. Affected: mart.customers. Owners: ada, bob."
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    yield running
    running.close()


class Sleeper:
    """Notes for how long it should have slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_an_incident_is_posted_as_json_with_a_sentence(server: Server) -> None:
    Webhook(server.url).send(INCIDENT, sleep=Sleeper())

    ((path, headers, body),) = server.requests
    assert path == "/services/secret"
    assert (headers["Content-Type"], headers["Idempotency-Key"]) == ("application/json", "0b6c9ac81e4f")
    assert body == {"text": SENTENCE, **INCIDENT}


def test_a_template_says_how_it_is_put(server: Server, tmp_path: Path) -> None:
    """Whatever is filled in stays text: an incident cannot write JSON of its own."""
    template = tmp_path / "slack.json"
    template.write_text(
        json.dumps({"channel": "#data", "blocks": [{"text": "*$severity* in $name ($owners) for $$9"}], "retries": 3})
    )
    Webhook(server.url, template).send({**INCIDENT, "name": 'x", "channel": "#all'}, sleep=Sleeper())

    assert server.requests[0][2] == {
        "channel": "#data",
        "blocks": [{"text": '*error* in x", "channel": "#all (ada, bob) for $9'}],
        "retries": 3,
    }


def test_a_server_that_cannot_now_is_asked_again_after_longer_and_longer(server: Server) -> None:
    server.answers = [(503, {}), (500, {}), (502, {}), (204, {})]
    sleep = Sleeper()
    Webhook(server.url).send(INCIDENT, sleep=sleep)

    assert len(server.requests) == 4
    assert {headers["Idempotency-Key"] for _, headers, _ in server.requests} == {"0b6c9ac81e4f"}
    # 1, 2 and 4 seconds, each with up to half a second by chance.
    assert [int(seconds) for seconds in sleep.slept] == [1, 2, 4]


def test_it_waits_as_long_as_the_server_asks_up_to_a_minute(server: Server) -> None:
    server.answers = [(429, {"Retry-After": "7"}), (429, {"Retry-After": "86400"}), (200, {})]
    sleep = Sleeper()
    Webhook(server.url).send(INCIDENT, sleep=sleep)

    assert sleep.slept == [7.0, 60.0]


def test_after_five_tries_it_gives_up_for_now(server: Server) -> None:
    server.answers = [(503, {})]
    with pytest.raises(WebhookUnavailable, match=r"^The webhook at 127\.0\.0\.1 answers 503 Service Unavailable\.$"):
        Webhook(server.url).send(INCIDENT, sleep=Sleeper())

    assert len(server.requests) == 5


@pytest.mark.parametrize("code", [301, 400, 403, 404])
def test_a_refusal_is_not_asked_again(server: Server, code: int) -> None:
    server.answers = [(code, {"Location": server.url})]
    with pytest.raises(WebhookError, match=str(code)) as caught:
        Webhook(server.url).send(INCIDENT, sleep=Sleeper())

    assert len(server.requests) == 1
    assert "secret" not in str(caught.value)


def test_nobody_there_is_worth_another_try_and_the_url_stays_secret(server: Server) -> None:
    server.close()
    sleep = Sleeper()
    with pytest.raises(WebhookUnavailable, match=r"127\.0\.0\.1 does not answer") as caught:
        Webhook(server.url).send(INCIDENT, attempts=2, sleep=sleep)

    assert "secret" not in str(caught.value)
    assert len(sleep.slept) == 1


def test_a_server_without_the_certificate_that_it_should_have_is_worth_another_try(server: Server) -> None:
    url = server.url.replace("http://", "https://")
    with pytest.raises(WebhookUnavailable, match=r"127\.0\.0\.1 does not answer \(SSLError\)") as caught:
        Webhook(url).send(INCIDENT, attempts=2, sleep=Sleeper())

    assert "secret" not in str(caught.value)
    assert server.requests == []


def test_it_does_not_wait_for_the_end_of_an_answer_that_takes_for_ever() -> None:
    """A byte now and then keeps any timeout of a socket from running out."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sent: list[bytes] = []
        server = threading.Thread(target=drip, args=(listening, sent))
        server.start()
        Webhook(f"http://127.0.0.1:{listening.getsockname()[1]}/").send(INCIDENT, attempts=1, sleep=Sleeper())
        server.join()

    assert len(sent) < DRIPS


DRIPS = 500


def drip(listening: socket.socket, sent: list[bytes]) -> None:
    """Answer one request with 200, then with a byte at a time until the other side has enough of it."""
    connection, _ = listening.accept()
    with connection, contextlib.suppress(OSError):
        connection.recv(1 << 16)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {DRIPS}\r\n\r\n".encode())
        for _ in range(DRIPS):
            connection.sendall(b".")
            sent.append(b".")
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "makes no sense"),
        ('{"text": "$nobody"}', r"has \$nobody, which an incident does not have. It has \$incident_id, "),
        ('{"text": "9 $"}', r"A \$ itself is written \$\$"),
    ],
)
def test_a_template_that_cannot_be_used_is_found_at_once(tmp_path: Path, text: str, message: str) -> None:
    template = tmp_path / "template.json"
    template.write_text(text)
    with pytest.raises(SettingsError, match=message):
        Webhook("https://example.org", template)


def test_a_template_that_is_not_there_is_found_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        Webhook("https://example.org", tmp_path / "none.json")


@pytest.mark.parametrize("url", ["hooks.example.org/x", "ftp://example.org", "https://"])
def test_what_is_no_url_is_found_at_once(url: str) -> None:
    with pytest.raises(SettingsError, match="webhook_url"):
        Webhook(url)


def test_the_sentence_leaves_out_what_is_not_known() -> None:
    unknown = dict.fromkeys(("name", "field", "dimension"))
    bare = {**INCIDENT, **unknown, "failing_checks": 1, "affected_datasets": 0, "owners": [], "checks": []}

    assert sentence(bare) == (
        "error: 1 check of 0 datasets failed; the cause is a dataset that the result does not name, since "
        "2026-01-01T00:00:00Z."
    )


def test_an_incident_that_came_back_is_another_message(server: Server) -> None:
    """A receiver that knows the header would drop a second message of the same key."""
    Webhook(server.url).send(INCIDENT, sleep=Sleeper())
    Webhook(server.url).send({**INCIDENT, "reopened_after": "2026-01-01T00:00:00Z"}, sleep=Sleeper())

    assert [headers["Idempotency-Key"] for _, headers, _ in server.requests] == [
        "0b6c9ac81e4f",
        "0b6c9ac81e4f 2026-01-01T00:00:00Z",
    ]
