"""Putting the HTTP server of the sidecar together: metrics, probes, and events if they are wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ..exposition import Exposition
from ..notice import Notice
from ..serving import Answer, Request, Route, Server, json_answer
from .output import say, saying

if TYPE_CHECKING:
    from ..intake import Intake
    from ..settings import Settings
    from ..watching import Health, Watch


@contextlib.contextmanager
def serving(chosen: Settings, watch: Watch, intake: Intake | None) -> Iterator[None]:
    """Serve where the settings say until the end; nowhere is fine too."""
    if chosen.address is None:
        yield
        return
    host, port = chosen.address
    server = Server(host, port, {**_own_routes(watch), **(intake.routes() if intake else {})}, saying("http", "error"))
    say(Notice(f"Serving HTTP at {host}:{server.port}.", "listening", host=host, port=server.port))
    if intake is not None and chosen.secret("http_api_key") is None and not _is_loopback(host):
        sentence = f"Anybody who can reach {host}:{server.port} can send events: there is no HEADWATER_HTTP_API_KEY."
        say(Notice(sentence, "no_api_key", "warning"))
    try:
        yield
    finally:
        server.close()


def _own_routes(watch: Watch) -> dict[str, dict[str, Route]]:
    exposition = Exposition(watch.numbers, watch.refresh)

    def page(request: Request) -> Answer:
        content_type, body = exposition.page(request.headers.get("Accept", ""))
        return Answer(200, body, content_type)

    return {
        "/metrics": {"GET": page},
        "/healthz": {"GET": lambda _: _probed(watch.health())},
        "/readyz": {"GET": lambda _: _probed(watch.readiness())},
    }


def _probed(health: Health) -> Answer:
    return json_answer(200 if health.well else 503, {"ok": health.well, "why": health.why})


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
