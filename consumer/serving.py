"""A small HTTP server for a few routes, each answered by a function.

The standard library's server, a thread for each connection, is enough for probes, a scrape and a few hundred events a
second, and needs no framework. What it leaves to us is done here: a body is read only when the route asks for it, so
that who may not send is refused before we read a byte; its size and time are limited, packed or not; the number of
connections is limited; and an answer arrives although the rest of the body was not read.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .errors import IntakeRefused, SettingsError

CONNECTIONS = 256  # at a time; more are refused at once
IDLE_SECONDS = 15.0  # that a connection may be silent
BODY_SECONDS = 60.0  # that a body may take in all
DRAIN_SECONDS = 2.0  # for what a client still sends after its answer: closing at once could take the answer away
CLOSE_SECONDS = 5.0  # for the answers that are on their way when we end
_PIECE = 1 << 16
_LONGEST_LINE = 1 << 12  # of a chunk's head or trailer


class Answer(NamedTuple):
    """What is answered.

    Attributes:
        status: of HTTP.
        body: of the type *content_type*.
        headers: further ones.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


class Request(NamedTuple):
    """What is asked.

    Attributes:
        headers: by name, in any case.
        body: reads the body, unpacked, of so many bytes at most; raises `IntakeRefused`.
    """

    headers: Message[str, str]
    body: Callable[[int], bytes]


Route = Callable[[Request], Answer]


def json_answer(status: int, content: object, headers: Mapping[str, str] = {}) -> Answer:
    """Return an answer whose body is *content* as JSON."""
    return Answer(status, json.dumps(content, ensure_ascii=False).encode() + b"\n", headers=headers)


def refusal(status: int, sentence: str, headers: Mapping[str, str] = {}) -> Answer:
    """Return an answer that says why nothing was done."""
    return json_answer(status, {"error": sentence}, headers)


class Server:
    """Answers requests in threads of its own until it is closed."""

    def __init__(
        self, host: str, port: int, routes: Mapping[str, Mapping[str, Route]], say: Callable[[str], None]
    ) -> None:
        """Listen at *host* and *port*; 0 is any that is free. Routes are found by path, then by method.

        Raises:
            SettingsError: it cannot be listened there.
        """
        try:
            self._server = _Server(host, port, routes, say)
        except OSError as exc:
            raise SettingsError(
                f"Cannot listen at {host}:{port}: {exc.strerror or exc}. Name another address with --listen."
            ) from exc
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="headwater-http", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Take no more requests, and wait a moment for the answers that are on their way. Twice is fine."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.await_answers(CLOSE_SECONDS)


class _Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, host: str, port: int, routes: Mapping[str, Mapping[str, Route]], say: Callable[[str], None]
    ) -> None:
        self.routes = routes
        self._say = say
        self._room = threading.BoundedSemaphore(CONNECTIONS)
        self._answering = 0
        self._answered = threading.Condition()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            with suppress(OSError):
                request.sendall(
                    b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what went wrong here is that a client went away."""

    def answering(self, change: int) -> None:
        with self._answered:
            self._answering += change
            self._answered.notify_all()

    def await_answers(self, seconds: float) -> None:
        with self._answered:
            self._answered.wait_for(lambda: self._answering == 0, seconds)

    def failed(self, path: str, exc: Exception) -> None:
        self._say(f"headwater: a request for {path} failed: {type(exc).__name__}: {exc}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: _Server

    def do_GET(self) -> None:
        self._answer("GET")

    def do_HEAD(self) -> None:
        self._answer("GET", shows_body=False)

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str, *, shows_body: bool = True) -> None:
        self.server.answering(1)
        try:
            body = _Body(self.rfile, self.headers, time.monotonic() + BODY_SECONDS)
            answer = self._found(method, body)
            self.close_connection = self.close_connection or not body.is_finished
            self._send(answer, shows_body)
            if not body.is_finished:
                self._drain()
        finally:
            self.server.answering(-1)

    def _found(self, method: str, body: _Body) -> Answer:
        path = urlsplit(self.path).path.rstrip("/") or "/"
        methods = self.server.routes.get(path)
        if methods is None:
            return refusal(404, f"There is nothing at {path}. Here are {', '.join(sorted(self.server.routes))}.")
        route = methods.get(method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            return refusal(405, f"{path} takes {allowed} only.", {"Allow": allowed})
        try:
            return route(Request(self.headers, body.read))
        except IntakeRefused as exc:
            return refusal(exc.status, str(exc))
        except Exception as exc:
            self.server.failed(path, exc)
            return refusal(500, "Something went wrong here; the log of the sidecar says what.")

    def _send(self, answer: Answer, shows_body: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if shows_body:
            self.wfile.write(answer.body)

    def _drain(self) -> None:
        until = time.monotonic() + DRAIN_SECONDS
        with suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(DRAIN_SECONDS)
            while time.monotonic() < until and self.connection.recv(_PIECE):
                pass

    def version_string(self) -> str:
        return "headwater"

    def log_message(self, *_: object) -> None:
        """Say nothing: requests are counted."""


class _Body:
    """The body of a request, read when it is asked for.

    Attributes:
        is_finished: whether nothing of it is left on the connection.
    """

    def __init__(self, stream: Any, headers: Message[str, str], deadline: float) -> None:
        self._stream = stream
        self._headers = headers
        self._deadline = deadline
        self.is_finished = not headers.get("Transfer-Encoding") and headers.get("Content-Length", "0").strip() == "0"

    def read(self, limit: int) -> bytes:
        """Return the body, unpacked.

        Raises:
            IntakeRefused: it is larger than *limit*, takes too long, or is not what the headers say.
        """
        packing = self._headers.get("Content-Encoding", "identity").strip().lower()
        if packing not in ("identity", "gzip"):
            raise IntakeRefused(415, f"Content-Encoding {packing} is not known here; send gzip or none.")
        try:
            pieces = self._limited(self._pieces(limit), limit)
            body = b"".join(self._limited(_unpacked(pieces, limit), limit) if packing == "gzip" else pieces)
        except TimeoutError as exc:
            raise IntakeRefused(408, "The body took too long.") from exc
        except zlib.error as exc:
            raise IntakeRefused(400, f"The body is not gzip, as Content-Encoding says: {exc}.") from exc
        self.is_finished = True
        return body

    def _limited(self, pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            if time.monotonic() > self._deadline:
                raise TimeoutError
            yield piece

    def _pieces(self, limit: int) -> Iterator[bytes]:
        coding = self._headers.get("Transfer-Encoding")
        length = self._headers.get("Content-Length")
        if coding is not None and length is not None:
            raise IntakeRefused(400, "A request has Content-Length or Transfer-Encoding, not both.")
        if coding is not None:
            if coding.strip().lower() != "chunked":
                raise IntakeRefused(501, f"Transfer-Encoding {coding} is not known here; send chunked or a length.")
            yield from self._chunks(limit)
            return
        if length is None:
            raise IntakeRefused(411, "The request has no Content-Length.")
        if not length.strip().isdecimal():
            raise IntakeRefused(400, f"Content-Length {length!r} is no number.")
        if int(length) > limit:
            raise _too_large(limit)
        yield from self._exactly(int(length))

    def _chunks(self, limit: int) -> Iterator[bytes]:
        while size := self._chunk_size():
            if size > limit:
                raise _too_large(limit)
            yield from self._exactly(size)
            if self._line():
                raise IntakeRefused(400, "A chunk is longer than it says.")
        while self._line():  # trailers
            pass

    def _chunk_size(self) -> int:
        text = self._line().partition(b";")[0].strip()
        try:
            if not text.isalnum():  # int() takes signs and underscores
                raise ValueError(text)
            return int(text, 16)
        except ValueError as exc:
            raise IntakeRefused(400, f"{text[:20]!r} is not the size of a chunk.") from exc

    def _line(self) -> bytes:
        if time.monotonic() > self._deadline:
            raise TimeoutError
        line: bytes = self._stream.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise IntakeRefused(400, "The body breaks off.")
        return line.rstrip(b"\r\n")

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece: bytes = self._stream.read1(min(size, _PIECE))
            if not piece:
                raise IntakeRefused(400, "The body breaks off: it is shorter than it says.")
            size -= len(piece)
            yield piece


def _too_large(limit: int) -> IntakeRefused:
    return IntakeRefused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value,
        f"The body is larger than {limit:,} bytes, unpacked. Send fewer events at a time, or raise --http-body-limit "
        "and --max-record-bytes.",
    )


def _unpacked(pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Yield what gzip packed, never much more at a time than *limit*: a few bytes may unpack to gigabytes."""
    frame = zlib.decompressobj(wbits=31)
    begun = False
    for packed in pieces:
        piece = packed
        while piece:
            if frame.eof:
                frame = zlib.decompressobj(wbits=31)
            begun = True
            yield frame.decompress(piece, limit + 1)
            piece = frame.unused_data if frame.eof else frame.unconsumed_tail
    if begun and not frame.eof:
        raise zlib.error("its end is missing")
