"""The HTTP server, told by a socket what clients send, well-behaved and not."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from headwater import serving
from headwater.errors import SettingsError
from headwater.serving import Answer, Request, Route, Server, json_answer

LIMIT = 1_000
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\n"


def echo(request: Request) -> Answer:
    return Answer(200, request.body(LIMIT), "text/plain", {"X-Asked": request.headers.get("x-ask", "")})


def fail(_: Request) -> Answer:
    raise RuntimeError("a bug")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def server(said: list[str]) -> Iterator[Server]:
    routes: dict[str, dict[str, Route]] = {
        "/echo": {"POST": echo},
        "/refuse": {"POST": lambda _: Answer(401)},
        "/fail": {"GET": fail},
        "/well": {"GET": lambda _: json_answer(200, {"ok": True})},
    }
    opened = Server("127.0.0.1", 0, routes, said.append)
    yield opened
    opened.close()


def answers(server: Server, *pieces: bytes, shuts: bool = True) -> list[tuple[int, bytes]]:
    """Send bytes as they are, and return the answers until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if shuts:
            connection.shutdown(socket.SHUT_WR)
        stream = connection.makefile("rb")
        found = []
        while line := stream.readline():
            headers = http.client.parse_headers(stream)
            found.append((int(line.split()[1]), stream.read(int(headers["Content-Length"]))))
        return found


def chunked(*chunks: bytes) -> bytes:
    framed = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\nTrailer: x\r\n\r\n"


def plain(body: bytes, *headers: bytes) -> bytes:
    return b"".join(b"%b\r\n" % header for header in headers) + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def error(answer: tuple[int, bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[1])["error"]


@pytest.mark.parametrize(
    "rest",
    [
        plain(b"hello, you"),
        chunked(b"hello", b", ", b"you"),
        plain(gzip.compress(b"hello, you", mtime=0), b"Content-Encoding: gzip"),
        plain(gzip.compress(b"hello", mtime=0) + gzip.compress(b", you", mtime=0), b"content-encoding: GZIP"),
        b"Content-Encoding: gzip\r\n" + chunked(*(bytes([byte]) for byte in gzip.compress(b"hello, you", mtime=0))),
    ],
    ids=["plain", "chunked", "gzip", "gzip in two members", "gzip, byte by byte, as Java sends it"],
)
def test_a_body_arrives_however_it_is_sent(server: Server, rest: bytes) -> None:
    assert answers(server, HEAD + rest) == [(200, b"hello, you")]


def test_a_connection_carries_many_requests(server: Server) -> None:
    assert answers(server, HEAD + plain(b"one"), HEAD + chunked(b"two"), HEAD + plain(b"")) == [
        (200, b"one"),
        (200, b"two"),
        (200, b""),
    ]


@pytest.mark.parametrize(
    ("rest", "status", "sentence"),
    [
        (plain(b"x" * (LIMIT + 1)), 413, "The body is larger than 1,000 bytes, unpacked."),
        (chunked(b"x" * LIMIT, b"x"), 413, "The body is larger than 1,000 bytes, unpacked."),
        (b"Content-Length: 99999999999999999999\r\n\r\n", 413, "The body is larger than 1,000 bytes, unpacked."),
        (
            plain(gzip.compress(b"x" * 100_000, mtime=0), b"Content-Encoding: gzip"),
            413,
            "The body is larger than 1,000 bytes, unpacked.",
        ),
        (plain(b"no gzip", b"Content-Encoding: gzip"), 400, "The body is not gzip, as Content-Encoding says: "),
        (
            plain(gzip.compress(b"x" * 99, mtime=0)[:-9], b"Content-Encoding: gzip"),
            400,
            "The body is not gzip, as Content-Enc",
        ),
        (plain(b"x", b"Content-Encoding: br"), 415, "Content-Encoding br is not known here; send gzip or none."),
        (b"Content-Length: 9\r\n\r\nshort", 400, "The body breaks off: it is shorter than it says."),
        (b"Content-Length: -1\r\n\r\n", 400, "Content-Length '-1' is no number."),
        (b"\r\n", 411, "The request has no Content-Length."),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", 400, "The body breaks off: it is shorter than it says."),
        (b"Transfer-Encoding: chunked\r\n\r\n", 400, "The body breaks off."),
        (b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", 400, "b'-5' is not the size of a chunk."),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", 400, "A chunk is longer than it says."),
        (
            b"Transfer-Encoding: gzip\r\n\r\n",
            501,
            "Transfer-Encoding gzip is not known here; send chunked or a length.",
        ),
        (
            b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
            400,
            "A request has Content-Length or Transfer-Encoding, not both.",
        ),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_and_the_connection_ends(
    server: Server, rest: bytes, status: int, sentence: str
) -> None:
    [answer] = answers(server, HEAD + rest)

    assert answer[0] == status
    assert error(answer)[1].startswith(sentence)


def test_what_follows_a_refused_body_is_not_taken_for_a_request(server: Server) -> None:
    """Else who controls a body could smuggle a request through a proxy."""
    smuggled = HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert [status for status, _ in answers(server, smuggled, HEAD + plain(b"next"))] == [400]


def test_an_answer_arrives_although_the_body_is_not_read(server: Server) -> None:
    """Closing with bytes unread would reset the connection, and the client would not learn why."""
    body = b"x" * (4 << 20)
    assert answers(server, b"POST /refuse HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body), body) == [(401, b"")]


def test_a_small_packed_body_takes_little_memory_whatever_it_unpacks_to(server: Server) -> None:
    bomb = zlib.compressobj(9, wbits=31)
    packed = bomb.compress(bytes(200 << 20)) + bomb.flush()
    assert len(packed) < 250_000

    assert answers(server, HEAD + plain(packed, b"Content-Encoding: gzip"))[0][0] == 413


def test_a_body_that_never_ends_times_out(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving._Handler, "timeout", 0.2)
    monkeypatch.setattr(serving, "DRAIN_SECONDS", 0.1)
    [answer] = answers(server, HEAD + b"Content-Length: 9\r\n\r\nshort", shuts=False)

    assert error(answer) == (408, "The body took too long.")


def test_a_body_that_trickles_times_out_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "BODY_SECONDS", 0.0)
    monkeypatch.setattr(serving, "DRAIN_SECONDS", 0.1)
    [answer] = answers(server, HEAD + plain(b"too late"))

    assert error(answer) == (408, "The body took too long.")


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        (b"GET /well", (200, b'{"ok": true}\n')),
        (b"GET /well/?probe=1", (200, b'{"ok": true}\n')),
        (
            b"GET /",
            (404, b'{"error": "There is nothing at /. Here are /echo, /fail, /refuse, /well."}\n'),
        ),
        (b"GET /echo", (405, b'{"error": "/echo takes POST only."}\n')),
        (b"GET /fail", (500, b'{"error": "Something went wrong here; the log of the sidecar says what."}\n')),
    ],
)
def test_a_route_is_found_by_path_and_method(server: Server, request_line: bytes, expected: tuple[int, bytes]) -> None:
    assert answers(server, request_line + b" HTTP/1.1\r\nHost: x\r\n\r\n") == [expected]


def test_a_probe_may_ask_for_the_head_alone(server: Server) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.request("HEAD", "/well")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Length"], answer.read()) == (200, "13", b"")


def test_a_bug_is_said_once_and_the_server_goes_on(server: Server, said: list[str]) -> None:
    answers(server, b"GET /fail HTTP/1.1\r\n\r\n")
    assert said == ["headwater: a request for /fail failed: RuntimeError: a bug"]
    assert answers(server, HEAD + plain(b"still here")) == [(200, b"still here")]


def test_headers_go_both_ways(server: Server) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.request("POST", "/echo", b"x", {"X-ASK": "why"})
        answer = connection.getresponse()
        assert (answer.headers["X-Asked"], answer.headers["Content-Type"]) == ("why", "text/plain")
        assert answer.headers["Server"] == "headwater"


def test_more_connections_than_there_is_room_for_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CONNECTIONS", 2)
    server = Server("127.0.0.1", 0, {"/echo": {"POST": echo}}, pytest.fail)
    with closing(server):
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
        for connection in idle:  # they have a thread each once they were answered
            connection.sendall(HEAD + plain(b"x"))
            connection.recv(1)
        assert answers(server, shuts=False) == [(503, b"")]
        for connection in idle:
            connection.close()
        until(lambda: answers(server, HEAD + plain(b"x")) == [(200, b"x")])


def until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        with suppress(OSError):  # the other side may have hung up, even before we did
            if condition():
                return
        threading.Event().wait(0.05)
    pytest.fail("it never came true")


def test_an_address_that_is_taken_is_explained(server: Server) -> None:
    with pytest.raises(SettingsError, match=rf"Cannot listen at 127\.0\.0\.1:{server.port}: .* another .* --listen\."):
        Server("127.0.0.1", server.port, {}, pytest.fail)


def test_closing_waits_for_answers_on_their_way() -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def slow(_: Request) -> Answer:
        asked.set()
        may_answer.wait(20)
        return Answer(200, b"done")

    server = Server("127.0.0.1", 0, {"/slow": {"GET": slow}}, pytest.fail)
    found: list[tuple[int, bytes]] = []
    client = threading.Thread(target=lambda: found.extend(answers(server, b"GET /slow HTTP/1.1\r\n\r\n")))
    client.start()
    assert asked.wait(20)
    threading.Timer(0.2, may_answer.set).start()
    server.close()
    client.join()

    assert found == [(200, b"done")]
