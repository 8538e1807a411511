"""A network between a sidecar and its broker that can be stalled, slowed and cut."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 1 << 14


class Proxy:
    """Forwards connections from a port of its own to an address, as well as it is told to.

    Attributes:
        address: where clients connect.
        target: where they are led, ``host:port``.
        passed: bytes that went through, both ways.
        connections: how many there were.
    """

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.target = ""
        self.passed = 0
        self.connections = 0
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._stalled = False
        self._cut = False
        self._bytes_a_second = 0
        self._may_send_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy")
        self._thread.start()

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Let nothing through, and let nobody know: connections stay open."""
        self._stalled = True
        try:
            yield
        finally:
            self._stalled = False

    @contextmanager
    def cut(self) -> Iterator[None]:
        """End all connections, and every new one at once."""
        self._cut = True
        try:
            yield
        finally:
            self._cut = False

    @contextmanager
    def slow(self, bytes_a_second: int) -> Iterator[None]:
        """Let so much through, both ways together."""
        self._bytes_a_second = bytes_a_second
        try:
            yield
        finally:
            self._bytes_a_second = 0

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._drop_all()
        self._server.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._cut:
                self._drop_all()
            waiting = self._ready()
            if self._stalled or not waiting:
                time.sleep(0.01)
                continue
            for side in waiting:
                if side is self._server:
                    self._accept()
                elif side in self._pairs and time.monotonic() >= self._may_send_at:
                    self._forward(side)

    def _ready(self) -> list[socket.socket]:
        with selectors.DefaultSelector() as selector:
            for side in (self._server, *self._pairs):
                selector.register(side, selectors.EVENT_READ)
            return [key.fileobj for key, _ in selector.select(0.05) if isinstance(key.fileobj, socket.socket)]

    def _accept(self) -> None:
        ours, _ = self._server.accept()
        self.connections += 1
        host, _, port = self.target.rpartition(":")
        try:
            theirs = socket.create_connection((host, int(port)), timeout=10)
        except OSError:
            ours.close()
            return
        self._pairs |= {ours: theirs, theirs: ours}

    def _forward(self, side: socket.socket) -> None:
        try:
            data = side.recv(CHUNK)
            if data:
                self._pairs[side].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(side)
            return
        self.passed += len(data)
        if self._bytes_a_second:
            self._may_send_at = time.monotonic() + len(data) / self._bytes_a_second

    def _drop(self, side: socket.socket) -> None:
        other = self._pairs.pop(side)
        self._pairs.pop(other, None)
        for end in (side, other):
            with suppress(OSError):
                end.close()

    def _drop_all(self) -> None:
        for side in [*self._pairs]:
            if side in self._pairs:
                self._drop(side)
