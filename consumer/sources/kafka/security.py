"""What kafka-python leaves to us about TLS and SASL: files that can be used, tokens, and what a refusal means."""

from __future__ import annotations

import importlib.util
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.net.selector import NetworkSelector

from ...errors import BrokerRefused, SettingsError

_SASL = (
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
)

# What an alert of TLS (21, 3, 3 or 3, 1, high byte of a length) is, read as the length of one of Kafka's answers.
_TLS_ALERT = re.compile(rf"Invalid frame length: (?:{0x15030300}|{0x15030100})\b")


class NetClient(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no types
    """kafka-python's client, which here also hears the last words of a broker that hangs up.

    A broker says why it refuses a password and closes the connection. kafka-python 3.0 throws away what came together
    with the end of a connection, and so takes a wrong password for a broker that went away, nine times out of ten.
    """

    def __init__(self, **config: Any) -> None:
        net = NetworkSelector(**config)
        super().__init__(net=net, manager=_Manager(net, **config))


class _Manager(KafkaConnectionManager):  # type: ignore[misc]
    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        transport = await super()._build_transport(node, timeout_at=timeout_at)
        receive = transport._sock_recv

        def receive_all() -> tuple[bytes, Exception | None]:
            data, error = receive()
            return data, None if data else error  # the next read meets the end again

        transport._sock_recv = receive_all
        return transport


class _TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """Any function that returns a token."""

    def __init__(self, token: Callable[[], str]) -> None:
        super().__init__()
        self._token = token

    def token(self) -> str:
        """Return a token that is good now."""
        return self._token()


def secured(options: Mapping[str, object]) -> dict[str, object]:
    """Return *options* as kafka-python wants them: a function that returns tokens becomes a provider of them.

    Raises:
        SettingsError: a mechanism needs a package that is not installed.
    """
    found = dict(options)
    if options.get("sasl_mechanism") == "AWS_MSK_IAM" and importlib.util.find_spec("botocore") is None:
        raise SettingsError(
            "sasl_mechanism AWS_MSK_IAM needs the package botocore, which knows AWS' credentials. Install it: "
            "pip install 'headwater[msk]'."
        )
    token = options.get("sasl_oauth_token_provider")
    if callable(token):
        found["sasl_oauth_token_provider"] = _TokenProvider(token)
    if options.get("ssl_certfile"):
        found.setdefault("ssl_password", "")  # else OpenSSL would ask for one at the terminal
    return found


def check_files(options: Mapping[str, object]) -> None:
    """Refuse certificates and keys that cannot be used. kafka-python reads them again for each connection.

    Raises:
        BrokerRefused: a file is missing, or is not what its setting says.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authorities, certificate, key = (options.get(f"ssl_{name}") for name in ("cafile", "certfile", "keyfile"))
    for name, path in (("ssl_cafile", authorities), ("ssl_certfile", certificate), ("ssl_keyfile", key)):
        if path is not None:
            _check_readable(name, Path(str(path)))
    if authorities is not None:
        try:
            context.load_verify_locations(str(authorities))
        except ssl.SSLError:
            raise BrokerRefused(f"ssl_cafile: {authorities} holds no certificates in PEM form.") from None
    if certificate is not None:
        password = str(options.get("ssl_password", ""))
        try:
            context.load_cert_chain(str(certificate), str(key) if key else None, password)
        except (ssl.SSLError, OSError):
            files = f"{certificate} and {key}" if key else certificate
            raise BrokerRefused(
                f"ssl_certfile and ssl_keyfile: {files} cannot be used together. They have to be a certificate and its "
                "private key in PEM form; if the key is encrypted, check ssl_key_password."
            ) from None


def _check_readable(name: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as exc:
        raise BrokerRefused(f"{name}: {path} cannot be read: {exc.strerror}. Check the certificates.") from None


def refusal(exc: BaseException) -> str | None:
    """Return what a broker says and what to check if it refuses us for good; None if another try may go well."""
    if isinstance(exc, _SASL):
        said = str(exc.args[-1]).removeprefix("SaslAuthenticationFailedError: ") if exc.args else str(exc)
        return f"{said}. Check the user, the password or token, and the sasl_mechanism."
    if isinstance(exc, AttributeError) and "get_frozen_credentials" in str(exc):  # how kafka-python finds none
        return "AWS gives us no credentials to sign in with. Check the role, the profile or AWS_ACCESS_KEY_ID."
    if isinstance(exc, kafka_errors.InvalidReceiveError) and _TLS_ALERT.search(str(exc)):
        return "it speaks TLS there. Set security_protocol to SSL or SASL_SSL."
    for error in _tls_errors(exc):
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"its certificate cannot be verified: {error.verify_message}. Check ssl_cafile, and that the address "
                "is one that the certificate names."
            )
        if "ALERT" in (error.reason or "") and "INTERNAL_ERROR" not in error.reason:
            said = error.reason.lower().replace("_", " ")
            return (
                f"TLS ends with {said}. Does it ask for a certificate that it trusts? Check ssl_certfile and "
                "ssl_keyfile."
            )
    return None


def _tls_errors(exc: BaseException) -> Iterator[ssl.SSLError]:
    """Yield the errors of TLS behind one of kafka-python's, which wraps them in several ways."""
    for error in (exc, exc.__context__, exc.__cause__, *exc.args):
        if isinstance(error, ssl.SSLError):
            yield error


def hint(exc: BaseException, options: Mapping[str, object]) -> str:
    """Return what else may be the reason when a broker hangs up without a word; often it is only going away."""
    protocol = str(options.get("security_protocol", "PLAINTEXT"))
    text = str(exc)
    if "EOF occurred" in text:
        return " Does it expect TLS there? See security_protocol."
    if "SASL" not in protocol and ("socket disconnected" in text or "Unable to bootstrap" in text):
        wants = "a user (SASL)" if protocol == "SSL" else "TLS or a user (SASL)"
        return f" If it hangs up every time, it may want {wants}: see security_protocol."
    return ""
