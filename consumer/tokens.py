"""Bearer tokens for SASL OAUTHBEARER: from a file that somebody keeps fresh, or from an identity provider.

A file is read again for each connection: Kubernetes and Vault agents replace theirs every few minutes. A provider is
asked by the client credentials grant of OAuth 2.0 (RFC 6749, 4.4); its token is kept until most of its life is over.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from .errors import BrokerRefused, BrokerUnavailable, SettingsError

TIMEOUT = 5.0  # seconds to connect, and again to answer
SHARE_OF_LIFE = 0.8  # of a token's, after which a new one is asked for
SHORTEST_LIFE = 60.0  # seconds, of a token that does not say how long it lives
LARGEST_ANSWER = 1 << 20  # bytes


class FileToken:
    """The token that a file holds now."""

    def __init__(self, path: Path) -> None:
        """Take down where the token is."""
        self._path = path

    def __call__(self) -> str:
        """Return the token.

        Raises:
            BrokerRefused: there is none.
        """
        try:
            token = self._path.read_text().strip()
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not text"
            raise BrokerRefused(
                f"The token of sasl_oauth_token_file cannot be read from {self._path}: {reason}."
            ) from exc
        if not token or any(character.isspace() or not character.isprintable() for character in token):
            raise BrokerRefused(f"{self._path}, which sasl_oauth_token_file names, does not hold one token.")
        return token


class ProviderToken:
    """A token of an identity provider, asked for when the one at hand is too old. For any thread."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        scope: str | None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take down whom to ask, without asking.

        Raises:
            SettingsError: *url* is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError("sasl_oauth_token_url is not a URL that begins with http or https.")
        self._url = url
        self._where = f"{parts.scheme}://{parts.hostname}"  # the rest may hold more than others should see
        self._client = (client_id, client_secret)
        self._scope = scope
        self._now = now
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def __call__(self) -> str:
        """Return a token.

        Raises:
            BrokerUnavailable: the provider does not answer, or not now.
            BrokerRefused: the provider says no.
        """
        with self._lock:
            if not self._token or self._now() >= self._until:
                asked_at = self._now()
                answer = self._ask()
                self._token = str(answer["access_token"])
                life = answer.get("expires_in")
                seconds = float(life) if isinstance(life, int | float) and life > 0 else SHORTEST_LIFE
                self._until = asked_at + seconds * SHARE_OF_LIFE
            return self._token

    def _ask(self) -> dict[str, Any]:
        import urllib3

        fields = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        headers = urllib3.make_headers(basic_auth=":".join(self._client)) | {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        try:
            with urllib3.PoolManager(retries=False, timeout=TIMEOUT) as pool:
                response = pool.request("POST", self._url, body=urlencode(fields), headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as exc:
            raise BrokerUnavailable(f"No token: {self._where} does not answer ({type(exc).__name__}).") from exc
        if response.status >= 500 or response.status == 429:
            raise BrokerUnavailable(f"No token: {self._where} answers {response.status}.")
        answer = _read(response.data[:LARGEST_ANSWER])
        if response.status != 200 or not isinstance(answer.get("access_token"), str):
            said = answer.get("error")
            raise BrokerRefused(
                f"No token: {self._where} answers {response.status}"
                + (f", {said[:64]}" if isinstance(said, str) else "")
                + ". Check sasl_oauth_token_url, sasl_oauth_client_id, sasl_oauth_client_secret and sasl_oauth_scope."
            )
        return answer


def _read(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
