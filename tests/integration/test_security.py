"""Brokers that ask who is there: every way in, and a sentence for whoever stays outside."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from _producer import Feed, Sidecar, account, clean_digest, digest, published
from _secured import KEY_PASSWORD, MECHANISMS, PASSWORD, USER, Secured, open_secured, token
from broker import NoBrokerError

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SECRETS = (PASSWORD, KEY_PASSWORD)
WRONG = "not-the-password-4713"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    try:
        opened = open_secured(tmp_path_factory.mktemp("secured"))
    except NoBrokerError as reason:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(f"no Kafka broker with TLS and SASL: {reason}.")
    with closing(opened.broker):
        yield opened


@pytest.fixture(scope="module")
def topic(secured: Secured) -> str:
    """Return a topic with ten events."""
    name = f"headwater-{uuid4().hex}"
    secured.broker.create_topic(name)
    with Feed(secured.broker, name) as feed:
        feed.send_events(10)
    return name


def written(folder: Path, name: str, secret: str) -> Path:
    path = folder / name
    path.write_text(secret + "\n")
    return path


def tls(secured: Secured) -> list[object]:
    return ["--security-protocol", "SSL", "--ssl-cafile", secured.ca]


def own_certificate(secured: Secured, key: Path) -> list[object]:
    return ["--ssl-certfile", secured.certificate, "--ssl-keyfile", key]


def sasl(secured: Secured, mechanism: str, folder: Path, *, password: str = PASSWORD) -> list[object]:
    who: list[object] = ["--sasl-username", USER, "--sasl-password-file", written(folder, "password", password)]
    if mechanism == "OAUTHBEARER":
        who = ["--sasl-oauth-token-file", written(folder, "token", token())]
    return ["--security-protocol", "SASL_SSL", "--ssl-cafile", secured.ca, "--sasl-mechanism", mechanism, *who]


def lets_in(folder: Path, address: str, topic: str, options: list[object]) -> None:
    """Assert that a sidecar with these options reads the topic, and tells nobody a secret."""
    with Sidecar(folder / "ours", address, topic, "--until-caught-up", *options, group=uuid4().hex) as sidecar:
        assert sidecar.wait() == 0, sidecar.said
    assert sidecar.said[-1] == "Done: 10 records: 10 events, 0 dead letters."
    assert published(sidecar.store) == 10
    assert not [line for line in sidecar.said for secret in SECRETS if secret in line]


def keeps_out(folder: Path, address: str, topic: str, options: list[object]) -> str:
    """Return the one sentence with which a sidecar ends that is not let in."""
    with Sidecar(folder / "ours", address, topic, *options) as sidecar:
        assert sidecar.wait() == 1, sidecar.said
    settings, *words = sidecar.said
    assert settings.startswith("headwater consume: ")
    (line,) = words
    assert not [said for said in sidecar.said for secret in (*SECRETS, WRONG) if secret in said]
    return line


# Ways in


def test_a_broker_is_read_through_tls(secured: Secured, topic: str, tmp_path: Path) -> None:
    lets_in(tmp_path, secured.address("TLS"), topic, tls(secured))


def test_a_broker_that_asks_for_a_certificate_is_shown_ours(secured: Secured, topic: str, tmp_path: Path) -> None:
    lets_in(tmp_path, secured.address("MTLS"), topic, tls(secured) + own_certificate(secured, secured.key))


def test_the_key_of_our_certificate_may_be_encrypted(secured: Secured, topic: str, tmp_path: Path) -> None:
    password = ["--ssl-key-password-file", written(tmp_path, "key-password", KEY_PASSWORD)]
    options = [*tls(secured), *own_certificate(secured, secured.encrypted_key), *password]
    lets_in(tmp_path, secured.address("MTLS"), topic, options)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_broker_that_asks_who_we_are_is_told(secured: Secured, topic: str, tmp_path: Path, mechanism: str) -> None:
    lets_in(tmp_path, secured.address("SASL"), topic, sasl(secured, mechanism, tmp_path))


def test_everything_is_folded_once_behind_tls_and_a_password(secured: Secured, tmp_path: Path) -> None:
    name = f"headwater-{uuid4().hex}"
    secured.broker.create_topic(name, 3)
    options = sasl(secured, "SCRAM-SHA-512", tmp_path)
    with (
        Feed(secured.broker, name, seed=8, partitions=3) as feed,
        Sidecar(tmp_path / "ours", secured.address("SASL"), name, *options) as sidecar,
    ):
        feed.send_some(1000)
        feed.flush()
        sidecar.until_published(1000)
        account(sidecar.store, secured.broker, name, feed)
        assert digest(sidecar.store) == clean_digest(secured.broker, name, tmp_path)


def test_tokens_may_come_from_an_identity_provider(secured: Secured, topic: str, tmp_path: Path) -> None:
    with identity_provider(PASSWORD) as (url, asked):
        options = [
            *sasl(secured, "OAUTHBEARER", tmp_path)[:-2],
            *("--sasl-oauth-token-url", url, "--sasl-oauth-client-id", USER, "--sasl-oauth-scope", "lineage"),
            *("--sasl-oauth-client-secret-file", written(tmp_path, "secret", PASSWORD)),
        ]
        lets_in(tmp_path, secured.address("SASL"), topic, options)
    assert set(asked) == {("client_credentials", "lineage")}
    assert len(asked) < 3, "a token is good for many connections"


# Staying outside


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_wrong_password_is_told_at_once(secured: Secured, topic: str, tmp_path: Path, mechanism: str) -> None:
    options = sasl(secured, mechanism, tmp_path, password=WRONG)
    said = keeps_out(tmp_path, secured.address("SASL"), topic, options)
    assert said.startswith(f"headwater: {secured.address('SASL')} refuses us: Authentication failed")
    assert "Check the user, the password" in said


def test_a_token_that_is_not_good_enough_is_told_at_once(secured: Secured, topic: str, tmp_path: Path) -> None:
    options = sasl(secured, "OAUTHBEARER", tmp_path)
    (tmp_path / "token").write_text(token(scope="another"))
    assert "insufficient_scope" in keeps_out(tmp_path, secured.address("SASL"), topic, options)


def test_a_client_secret_that_is_wrong_is_told_at_once(secured: Secured, topic: str, tmp_path: Path) -> None:
    with identity_provider(PASSWORD) as (url, _):
        options = [
            *sasl(secured, "OAUTHBEARER", tmp_path)[:-2],
            *("--sasl-oauth-token-url", url, "--sasl-oauth-client-id", USER),
            *("--sasl-oauth-client-secret-file", written(tmp_path, "secret", WRONG)),
        ]
        said = keeps_out(tmp_path, secured.address("SASL"), topic, options)
    assert said == (
        "headwater: No token: http://127.0.0.1 answers 401, invalid_client. Check sasl_oauth_token_url, "
        "sasl_oauth_client_id, sasl_oauth_client_secret and sasl_oauth_scope."
    )


def test_a_broker_of_another_authority_is_not_believed(secured: Secured, topic: str, tmp_path: Path) -> None:
    options = ["--security-protocol", "SSL", "--ssl-cafile", secured.other_ca]
    said = keeps_out(tmp_path, secured.address("TLS"), topic, options)
    assert "its certificate cannot be verified: unable to get local issuer certificate. Check ssl_cafile" in said


def test_a_broker_under_another_name_is_not_believed_unless_that_is_set(
    secured: Secured, topic: str, tmp_path: Path
) -> None:
    # The certificate names 127.0.0.1 and localhost.
    alias = secured.address("TLS").replace("127.0.0.1", "127.1")  # the same address
    said = keeps_out(tmp_path, alias, topic, tls(secured))
    assert "its certificate cannot be verified: " in said
    assert "the address is one that the certificate names" in said
    (tmp_path / "again").mkdir()
    lets_in(tmp_path / "again", alias, topic, [*tls(secured), "--ssl-check-hostname", "false"])


def test_a_client_without_a_certificate_is_told_that_it_needs_one(secured: Secured, topic: str, tmp_path: Path) -> None:
    said = keeps_out(tmp_path, secured.address("MTLS"), topic, tls(secured))
    # In which words depends on the broker's Java: "bad certificate", or "certificate required".
    assert re.search(r"TLS ends with .*\bcertificate\b.*\. Does it ask for a certificate that it trusts\?", said)
    assert said.endswith("Check ssl_certfile and ssl_keyfile.")


@pytest.mark.parametrize("password", [None, WRONG])
def test_an_encrypted_key_without_its_password_is_told_and_nobody_is_asked(
    secured: Secured, topic: str, tmp_path: Path, password: str | None
) -> None:
    options = [*tls(secured), *own_certificate(secured, secured.encrypted_key)]
    if password:
        options += ["--ssl-key-password-file", written(tmp_path, "key-password", password)]
    said = keeps_out(tmp_path, secured.address("MTLS"), topic, options)
    assert f"{secured.certificate} and {secured.encrypted_key} cannot be used together" in said
    assert "check ssl_key_password" in said


def test_speaking_plainly_where_tls_is_spoken_is_told_at_once(secured: Secured, topic: str, tmp_path: Path) -> None:
    said = keeps_out(tmp_path, secured.address("TLS"), topic, [])
    assert said.endswith("refuses us: it speaks TLS there. Set security_protocol to SSL or SASL_SSL.")


def test_a_file_that_is_not_there_is_named(secured: Secured, topic: str, tmp_path: Path) -> None:
    said = keeps_out(tmp_path, secured.address("TLS"), topic, ["--security-protocol", "SSL", "--ssl-cafile", "ca.pem"])
    assert said == "headwater: ssl_cafile: ca.pem cannot be read: No such file or directory. Check the certificates."


def test_a_broker_that_hangs_up_may_want_a_user_and_that_is_said(secured: Secured, topic: str, tmp_path: Path) -> None:
    with Sidecar(tmp_path / "ours", secured.address("SASL"), topic, *tls(secured)) as sidecar:
        said = sidecar.until_said("Still trying")
    assert "it may want a user (SASL): see security_protocol" in said


# Details


@contextmanager
def identity_provider(secret: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the URL of a server that gives tokens to whoever knows *secret*, and what it was asked for."""
    asked: list[tuple[str, str]] = []
    expected = "Basic " + base64.b64encode(f"{USER}:{secret}".encode()).decode()

    class Provider(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if self.headers["Authorization"] == expected:
                asked.append((form["grant_type"][0], form["scope"][0]))
                self._answer(200, {"access_token": token(), "token_type": "Bearer", "expires_in": 3600})
            else:
                self._answer(401, {"error": "invalid_client"})

        def _answer(self, status: int, body: dict[str, object]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
