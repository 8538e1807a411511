"""A broker that lets nobody in without a certificate, a password or a token, and what gets one in.

Its certificates come from trustme, its listeners are those that users meet: TLS, TLS with client certificates, SASL
over TLS. Tests make topics and records at its plain listener, the sidecar under test uses the others.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import NamedTuple

import trustme
from broker import Extras, OwnBroker, open_own_broker
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

USER, PASSWORD = "headwater", "hush-hush-4711"
KEY_PASSWORD = "hush-key-4712"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_MODULES = "org.apache.kafka.common.security"
_JAAS = {
    "PLAIN": f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
    "SCRAM-SHA-256": f"{_MODULES}.scram.ScramLoginModule required;",
    "SCRAM-SHA-512": f"{_MODULES}.scram.ScramLoginModule required;",
    "OAUTHBEARER": f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required "
    'unsecuredLoginStringClaim_sub="broker" unsecuredValidatorRequiredScope="lineage";',
}


class Secured(NamedTuple):
    """A broker with its doors, and the files that open them."""

    broker: OwnBroker
    ca: Path
    other_ca: Path
    certificate: Path
    key: Path
    encrypted_key: Path

    def address(self, door: str) -> str:
        """Return where a listener is: TLS, MTLS or SASL."""
        return self.broker.addresses[door]


def open_secured(folder: Path) -> Secured:
    """Start the broker, with its certificates in *folder*."""
    authority, other = trustme.CA(), trustme.CA()
    names = ("127.0.0.1", "localhost")
    broker_certificate, own = authority.issue_cert(*names), authority.issue_cert("headwater@example.com")
    files = Secured.__annotations__
    paths = {name: folder / f"{name}.pem" for name in files if name != "broker"}
    authority.cert_pem.write_to_path(paths["ca"])
    other.cert_pem.write_to_path(paths["other_ca"])
    paths["certificate"].write_bytes(b"".join(part.bytes() for part in own.cert_chain_pems))
    paths["key"].write_bytes(own.private_key_pem.bytes())
    paths["encrypted_key"].write_bytes(_pkcs8(own.private_key_pem.bytes(), KEY_PASSWORD))
    settings = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.key": _one_line(_pkcs8(broker_certificate.private_key_pem.bytes())),
        "ssl.keystore.certificate.chain": _one_line(b"".join(p.bytes() for p in broker_certificate.cert_chain_pems)),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": _one_line(authority.cert_pem.bytes()),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.sasl.sasl.enabled.mechanisms": ",".join(MECHANISMS),
        **{f"listener.name.sasl.{name.lower()}.sasl.jaas.config": jaas for name, jaas in _JAAS.items()},
    }
    broker = open_own_broker(Extras({"TLS": "SSL", "MTLS": "SSL", "SASL": "SASL_SSL"}, settings=settings))
    try:
        _add_scram_user(broker)
    except BaseException:
        broker.close()
        raise
    return Secured(broker, **paths)


def token(scope: str = "lineage", seconds: float = 3600) -> str:
    """Return an unsecured token (RFC 7515, A.5), which the broker of these tests believes."""
    now = time.time()
    parts = ({"alg": "none"}, {"sub": USER, "iat": now, "exp": now + seconds, "scope": scope})
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def _add_scram_user(broker: OwnBroker) -> None:
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    for kind in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):  # one a request
        wanted = UserScramCredentialUpsertion(USER, ScramCredentialInfo(kind, 4096), PASSWORD.encode())
        for future in admin.alter_user_scram_credentials([wanted]).values():
            future.result(30)


def _pkcs8(pem: bytes, password: str | None = None) -> bytes:
    """Return a private key in the one form that Kafka reads."""
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return load_pem_private_key(pem, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _one_line(pem: bytes) -> str:
    """Return PEM as one line of a Java properties file, which reads this as the ends of lines."""
    return pem.decode().strip().replace("\n", "\\n")
