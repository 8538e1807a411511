"""Tokens come from a file that somebody keeps fresh, or from an identity provider."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from headwater.errors import BrokerRefused, BrokerUnavailable, SettingsError
from headwater.tokens import FileToken, ProviderToken


@contextmanager
def provider(*answers: tuple[int, object]) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the URL of a server that gives these answers in turn, and what it was asked."""
    asked: list[bytes] = []

    class Provider(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answers[len(asked) - 1]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/a/secret/path?token=hush", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_file_is_read_again_each_time(tmp_path: Path) -> None:
    token = FileToken(tmp_path / "token")
    (tmp_path / "token").write_text("one\n")
    assert token() == "one"
    (tmp_path / "token").write_text("two")
    assert token() == "two"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read from .*: No such file or directory."),
        (b"", "does not hold one token"),
        (b"one two", "does not hold one token"),
        (b"one\x01auth=other", "does not hold one token"),
        (b"\xff\xfe", "cannot be read from .*: it is not text."),
    ],
)
def test_a_file_without_a_token_is_named(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(BrokerRefused, match=sentence):
        FileToken(tmp_path / "token")()


def test_a_token_is_used_until_most_of_its_life_is_over() -> None:
    now = [0.0]
    answers = [(200, {"access_token": name, "expires_in": 100}) for name in ("one", "two")]
    with provider(*answers) as (url, asked):
        token = ProviderToken(url, "me", "hush", "lineage", now=lambda: now[0])
        assert [token(), token()] == ["one", "one"]
        now[0] = 79.0
        assert token() == "one"
        now[0] = 80.0
        assert token() == "two"
    assert asked == [b"grant_type=client_credentials&scope=lineage"] * 2


@pytest.mark.parametrize(
    "answer", [(401, {"error": "invalid_client"}), (200, {"token": "x"}), (200, b"<html>"), (302, {})]
)
def test_a_provider_that_says_no_is_not_asked_again_and_no_secret_is_said(answer: tuple[int, object]) -> None:
    with provider(answer) as (url, _), pytest.raises(BrokerRefused) as caught:
        ProviderToken(url, "me", "hush", None)()
    assert str(caught.value).startswith(f"No token: http://127.0.0.1 answers {answer[0]}")
    assert "hush" not in str(caught.value)
    assert "secret/path" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_provider_that_is_busy_may_be_asked_again(status: int) -> None:
    with provider((status, {}), (200, {"access_token": "one"})) as (url, _):
        token = ProviderToken(url, "me", "hush", None)
        with pytest.raises(BrokerUnavailable, match=f"answers {status}"):
            token()
        assert token() == "one"


def test_a_provider_that_is_away_may_be_asked_again() -> None:
    with pytest.raises(BrokerUnavailable, match=r"http://127.0.0.1 does not answer"):
        ProviderToken("http://127.0.0.1:1/", "me", "hush", None)()


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="not a URL that begins with http"):
        ProviderToken("file:///etc/passwd", "me", "hush", None)
