"""Tells a webhook about an incident: one POST of JSON, tried again while it makes sense.

urllib3 does the talking. It is what requests and botocore stand on, has no dependencies of its own, verifies
certificates, and is imported only when there is something to send.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from .errors import SettingsError, WebhookError, WebhookUnavailable

ATTEMPTS = 5  # with pauses of about 1, 2, 4 and 8 seconds
LONGEST_PAUSE = 60.0  # seconds, whatever the other side asks for; the next look at the incidents comes soon enough
TIMEOUT = 10.0  # seconds to connect, and again to answer
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})  # what a server says when another try may go well

Incident = Mapping[str, Any]


class Webhook:
    """Where incidents are told, and how they are put."""

    def __init__(self, url: str, template: Path | None = None) -> None:
        """Check both, without sending anything.

        Args:
            url: http or https.
            template: a file of JSON; ``$name`` in its texts stands for the incident's name, and so on.

        Raises:
            SettingsError: the URL is none, or the template cannot be used.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(
                "The setting webhook_url makes no sense: it is not a URL that begins with http or https."
            )
        self._url = url
        # The rest of the URL is often a secret: it is never shown.
        self.host = parts.hostname
        self._template = None if template is None else _read_template(template)

    def body(self, incident: Incident) -> bytes:
        """Return what is sent about *incident*, a row of ``store.incident_to_tell`` as JSON has it."""
        said = {"text": sentence(incident), **{name: incident[name] for name in incident if name != "failures"}}
        content = said if self._template is None else _filled(self._template, _words(said))
        return json.dumps(content, ensure_ascii=False).encode()

    def send(self, incident: Incident, *, attempts: int = ATTEMPTS, sleep: Callable[[float], None]) -> None:
        """Send *incident*; return once the other side has it.

        Args:
            incident: what to tell.
            attempts: how often to try.
            sleep: waits between two tries; may raise to give up.

        Raises:
            WebhookUnavailable: no try went well, but another may.
            WebhookError: the other side refuses it, and always will.
        """
        import tenacity

        backoff = tenacity.wait_exponential_jitter(initial=1, max=LONGEST_PAUSE, jitter=0.5)

        def pause(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, WebhookUnavailable) else None
            return min(LONGEST_PAUSE, max(backoff(state), asked or 0.0))

        body = self.body(incident)
        tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(WebhookUnavailable),
            stop=tenacity.stop_after_attempt(attempts),
            wait=pause,
            sleep=sleep,
            reraise=True,
        )(self._post, body, _key(incident))

    def _post(self, body: bytes, key: str) -> None:
        import urllib3

        headers = {
            "Content-Type": "application/json",
            "User-Agent": "headwater",
            # The same for every try: a receiver that knows the header makes one message of them.
            "Idempotency-Key": key,
        }
        try:
            with _pool(self._url, self.host) as pool:
                answer = pool.request(
                    "POST",
                    self._url,
                    body=body,
                    headers=headers,
                    timeout=TIMEOUT,
                    retries=False,
                    redirect=False,
                    # What else it says does not matter, and may take for ever.
                    preload_content=False,
                )
                answer.close()
        except urllib3.exceptions.HTTPError as exc:
            # Its text may have the URL in it.
            raise WebhookUnavailable(f"The webhook at {self.host} does not answer ({type(exc).__name__}).") from exc
        if 200 <= answer.status < 300:
            return
        said = f"The webhook at {self.host} answers {answer.status} {answer.reason or ''}".rstrip()
        if answer.status in BUSY:
            raise WebhookUnavailable(f"{said}.", _seconds(answer.headers.get("Retry-After")))
        raise WebhookError(f"{said}. Check HEADWATER_WEBHOOK_URL and what the receiver wants (--webhook-template).")


def sentence(incident: Incident) -> str:
    """Return what happened, in words."""
    checks, datasets = incident["failing_checks"], incident["affected_datasets"]
    where = incident["name"] or "a dataset that the result does not name"
    about = ", ".join(part for part in (incident["field"], incident["dimension"]) if part)
    count = f"{checks} check{'s' if checks != 1 else ''} of {datasets} dataset{'s' if datasets != 1 else ''}"
    text = f"{incident['severity']}: {count} failed; the cause is {where}"
    if about:
        text += f" ({about})"
    text += f", since {incident['first_seen_at']}."
    others = sorted({check["name"] for check in incident["checks"] if check["name"]} - {incident["name"]})
    if others:
        text += f" Affected: {', '.join(others)}."
    if incident["owners"]:
        text += f" Owners: {', '.join(incident['owners'])}."
    return text


def _key(incident: Incident) -> str:
    """Return what is the same for each try, and another once the incident is told anew because it came back."""
    reopened = incident.get("reopened_after")
    return str(incident["incident_id"]) if reopened is None else f"{incident['incident_id']} {reopened}"


def _read_template(path: Path) -> Any:
    known = dict.fromkeys((*_FIELDS, "text"), "")
    try:
        template = json.loads(path.read_text(encoding="utf-8"))
        _filled(template, known)
    except OSError as exc:
        raise SettingsError(f"The webhook template {path} cannot be read: {exc.strerror}.") from exc
    except KeyError as exc:
        raise SettingsError(
            f"The webhook template {path} has ${exc.args[0]}, which an incident does not have. It has "
            f"{', '.join(f'${name}' for name in known)}."
        ) from exc
    except ValueError as exc:  # of JSON, of UTF-8, of a lonely $
        raise SettingsError(f"The webhook template {path} makes no sense: {exc}. A $ itself is written $$.") from exc
    return template


_FIELDS = (
    "incident_id",
    "namespace",
    "name",
    "field",
    "kind",
    "dimension",
    "severity",
    "first_seen_at",
    "last_seen_at",
    "failing_checks",
    "affected_datasets",
    "owners",
)


def _words(said: Incident) -> dict[str, str]:
    """Return the incident's values as texts."""
    return {
        name: ", ".join(value) if isinstance(value := said[name], list) else "" if value is None else str(value)
        for name in (*_FIELDS, "text")
    }


def _filled(template: Any, words: Mapping[str, str]) -> Any:
    """Fill in the texts of a JSON value. What is filled in stays text: no value can break out of it."""
    if isinstance(template, dict):
        return {key: _filled(value, words) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, words) for value in template]
    return Template(template).substitute(words) if isinstance(template, str) else template


def _pool(url: str, host: str) -> Any:
    """Return what makes connections: through the proxy that the environment names, if it does."""
    import urllib3

    proxy = None if proxy_bypass(host) else getproxies().get(urlsplit(url).scheme)
    return urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()


def _seconds(retry_after: str | None) -> float | None:
    """Return a Retry-After in seconds; the form with a date is rare, and the pause of our own will do."""
    return float(retry_after) if retry_after is not None and retry_after.strip().isdigit() else None
