"""Every setting, in one frozen object that is made once, at the door.

A value comes from the command line, else from the environment (``HEADWATER_…``), else from ``headwater.toml`` in the
current folder, else it is the default. Nothing below the door reads the environment.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .errors import SettingsError
from .naming import Naming
from .redaction import STANDARD, Redaction, parse_rule

FILE = "headwater.toml"
DEFAULT_ADDRESS = "127.0.0.1:9464"  # of HTTP where events are taken and nothing else is said


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _table(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


Patterns = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise ValueError(f"{name} is not a time zone such as Europe/London") from exc
    return name


def _usable_name(store: Path) -> Path:
    """Refuse the one name that DuckDB, which calls a database after its file, could not tell from our schema."""
    if store.name.partition(".")[0].lower() == "store":
        raise ValueError(f"DuckDB takes a database called store for the schema store; call {store} something else")
    return store


def _split_address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def _usable_address(address: str | None) -> str | None:
    try:
        if address is not None and not 0 <= _split_address(address)[1] <= 65535:
            raise ValueError(address)
    except ValueError as exc:
        raise ValueError(f"{address} is not HOST:PORT, such as 0.0.0.0:9464") from exc
    return address


def _permissions(value: Any) -> Any:
    """Read permissions as chmod does, which is in octal."""
    if value is None:
        return None
    mode = value if isinstance(value, int) else int(value, 8) if re.fullmatch("(0o?)?[0-7]{3}", str(value)) else 0
    if mode & 0o600 != 0o600 or mode & 0o111:
        raise ValueError(
            "write three digits from 0 to 7 such as 0640, of which the first is 6 and none allows to execute"
        )
    return mode


def _pairs(value: Any) -> Any:
    """Read ``NAME=VALUE,NAME=VALUE``; a table of headwater.toml is one already."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if not all(name.strip() and sign and text.strip() for name, sign, text in pairs):
        raise ValueError("write NAME=VALUE, several with commas between them")
    return {name.strip(): text.strip() for name, _, text in pairs}


Pairs = Annotated[dict[str, str] | None, NoDecode, BeforeValidator(_pairs)]


def _known_rules(rules: dict[str, str] | None) -> dict[str, str] | None:
    for pattern, action in (rules or {}).items():
        parse_rule(pattern, action)
    return rules


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _text(path: Path | None) -> str | None:
    return str(path) if path else None


Secret = Literal[
    "redact_key", "ssl_key_password", "sasl_password", "sasl_oauth_client_secret", "webhook_url", "http_api_key"
]
_TLS = ("SSL", "SASL_SSL")
_NEEDS: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"), ("sasl_username", "sasl_password")
)

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"]


class Settings(BaseSettings):
    """What a user can set. Each field's description is its help text."""

    model_config = SettingsConfigDict(env_prefix="HEADWATER_", toml_file=FILE, frozen=True, extra="forbid")

    store: Annotated[Path, AfterValidator(_usable_name)] = Field(
        Path("lineage.duckdb"), description="The published DuckDB file that everybody reads."
    )
    store_mode: Annotated[int | None, BeforeValidator(_permissions)] = Field(
        None, description="Permissions of the published file, such as 0640; without it 0644 less the umask."
    )
    publish_every: float = Field(1.0, gt=0, description="Seconds between two publications of the store.")
    memory_limit: str = Field(
        "128MB", pattern=r"^\d+(\.\d+)?\s*[KMGT]i?B$", description="DuckDB's memory limit while writing, such as 128MB."
    )
    threads: int = Field(2, ge=1, description="Threads that DuckDB uses while writing.")
    cache_memory: int = Field(32, ge=1, description="Megabytes for remembering facets that were seen.")
    batch_events: int = Field(
        10_000, ge=1, description="Records of one transaction, at most; replay takes twice as many unless this is set."
    )
    batch_bytes: int = Field(
        32 << 20,
        ge=1,
        le=1 << 28,
        description="Bytes of records of one transaction, at most; replay takes twice as many unless this is set.",
    )
    batch_seconds: float = Field(
        0.25,
        gt=0,
        description="Seconds that a record waits for others, at most; what comes from a topic waits for the next "
        "publication, since nobody sees it sooner.",
    )
    dead_letter_share: float = Field(
        0.5, gt=0, le=1, description="Stop when more than this share of the last 1,000 records is unreadable."
    )
    dead_letter_run: int = Field(1_000, ge=1, description="Stop when this many records in a row are unreadable.")

    naive_time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC", description="Time zone of times that come without one, such as Europe/London."
    )
    source_namespaces: Pairs = Field(
        None,
        description="OpenLineage namespaces of what quality tools call a connection, data source or project: "
        "NAME=NAMESPACE, comma separated, or a table in headwater.toml.",
    )
    check_dimensions: Pairs = Field(
        None,
        description="Data quality dimensions of kinds of checks, before those that are known: KIND=DIMENSION, comma "
        "separated, or a table in headwater.toml.",
    )

    dqops: Path | None = Field(
        None, description="A user home of DQOps to follow, as 'headwater import dqops' reads it."
    )
    dqops_every: float = Field(5.0, gt=0, description="Seconds between two looks at the folder of DQOps.")

    namespace_map: Annotated[dict[str, str], BeforeValidator(_table)] = Field(
        {}, description='Other names of dataset namespaces with the name to use: a table, or JSON {"other": "name"}.'
    )
    case_insensitive_namespaces: Patterns = Field(
        (), description="Namespaces where names in any case are one dataset, comma separated; * is anything."
    )
    trim_partitions: Patterns = Field(
        (), description="Namespaces of paths whose last steps may be a partition (day=2026-01-01), which is left off."
    )

    redact: Annotated[Pairs, AfterValidator(_known_rules)] = Field(
        None,
        description="What to take out of facets before they are stored, besides environments, Spark's properties and "
        "passwords: FACET=ACTION or FACET:MEMBER=ACTION, comma separated, or a table in headwater.toml. * is anything; "
        "an action is drop, mask, hash, or keep to undo an earlier rule.",
    )
    redact_key: SecretStr | None = Field(
        None, description="Secret that keeps others from guessing what was hashed; better in a file."
    )
    redact_key_file: Path | None = Field(None, description="File that holds the secret for hashing.")
    max_facet_bytes: int = Field(4 << 20, ge=1024, description="Bytes of a facet; of a larger one its size is kept.")
    max_record_bytes: int = Field(16 << 20, ge=1024, description="Bytes of a record; a larger one is a dead letter.")

    retain_events: float | None = Field(
        None,
        gt=0,
        description="Days that the bodies of events are kept; what they brought stays. Unless set, for ever.",
    )
    retain_runs: float | None = Field(
        None, gt=0, description="Days that runs are kept with their events after the newest one. Unless set, for ever."
    )
    retain_check_results: float | None = Field(
        None,
        gt=0,
        description="Days that check results are kept, with the runs that brought them. Unless set, for ever.",
    )
    retain_duplicates: float | None = Field(
        None, gt=0, description="Days that it is kept where events came twice or too late. Unless set, for ever."
    )
    retain_dead_letters: float | None = Field(
        None, gt=0, description="Days that records which could not be read are kept. Unless set, for ever."
    )
    retain_gaps: float | None = Field(
        None, gt=0, description="Days that it is kept what a broker no longer had. Unless set, for ever."
    )
    retain_every: float = Field(86_400.0, gt=0, description="Seconds between two times that the sidecar forgets.")
    compact_every: float = Field(
        604_800.0, gt=0, description="Seconds between two times that the sidecar compacts, if it forgot anything."
    )

    bootstrap_servers: str = Field("localhost:9092", description="Kafka brokers, host:port, comma separated.")
    topic: Patterns = Field(("openlineage",), min_length=1, description="Topics to read, comma separated.")
    group_id: str = Field("headwater", description="Kafka consumer group.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None = Field(
        None, description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    ssl_cafile: Path | None = Field(
        None, description="Certificates (PEM) of the authority that signed the brokers'; without it, the system's."
    )
    ssl_certfile: Path | None = Field(None, description="Our own certificate (PEM), where brokers ask for one (mTLS).")
    ssl_keyfile: Path | None = Field(None, description="The private key (PEM) of our own certificate.")
    ssl_key_password: SecretStr | None = Field(
        None, description="Password of the private key; better in the environment, or in a file."
    )
    ssl_key_password_file: Path | None = Field(None, description="File that holds the password of the private key.")
    ssl_check_hostname: bool = Field(True, description="A broker's certificate must name its host: true or false.")
    sasl_mechanism: Mechanism | None = Field(
        None, description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM."
    )
    sasl_username: str | None = Field(None, description="User name for PLAIN and SCRAM.")
    sasl_password: SecretStr | None = Field(
        None, description="Password for PLAIN and SCRAM; better in the environment, or in a file."
    )
    sasl_password_file: Path | None = Field(None, description="File that holds the password for PLAIN and SCRAM.")
    sasl_oauth_token_file: Path | None = Field(
        None, description="File that holds the token for OAUTHBEARER; it is read again for each connection."
    )
    sasl_oauth_token_url: str | None = Field(
        None, description="Identity provider that gives tokens for OAUTHBEARER (client credentials grant)."
    )
    sasl_oauth_client_id: str | None = Field(None, description="Who we are to the identity provider.")
    sasl_oauth_client_secret: SecretStr | None = Field(
        None, description="Secret for the identity provider; better in the environment, or in a file."
    )
    sasl_oauth_client_secret_file: Path | None = Field(
        None, description="File that holds the secret for the identity provider."
    )
    sasl_oauth_scope: str | None = Field(None, description="Scope to ask the identity provider for.")

    incident_reopens_within: float = Field(
        3600.0, ge=0, description="Seconds within which an incident that comes back is the same one, reopened."
    )
    webhook_url: SecretStr | None = Field(
        None, description="Where to POST each new incident; better in the environment."
    )
    webhook_url_file: Path | None = Field(None, description="File that holds the URL of the webhook.")
    webhook_template: Path | None = Field(
        None, description="File of the JSON to send: $text, $severity, $name, ... in its texts are the incident's."
    )
    webhook_min_severity: Literal["warning", "error", "fatal"] = Field(
        "error", description="Send incidents that are this bad or worse: warning, error or fatal."
    )
    webhook_delay: float = Field(
        60.0, ge=0, description="Seconds that a new incident waits, so that the checks of its cause can come in."
    )
    webhook_every: float = Field(15.0, gt=0, description="Seconds between two looks for new incidents.")

    listen: Annotated[str | None, AfterValidator(_usable_address)] = Field(
        None, description="Serve /metrics, /healthz and /readyz there, such as 127.0.0.1:9464, and with --http events."
    )
    http: Literal["store", "topic"] | None = Field(
        None,
        description="Take events by HTTP: store folds them, and no Kafka is read; topic produces them to the first "
        "topic that is read.",
    )
    http_api_key: SecretStr | None = Field(
        None, description="What senders of events must know, as Authorization: Bearer KEY; better in the environment."
    )
    http_api_key_file: Path | None = Field(None, description="File that holds what senders of events must know.")
    http_body_limit: int = Field(16 << 20, ge=1, description="Bytes of a request with events, unpacked, at most.")

    log_format: Literal["console", "json"] = Field(
        "console", description="How to say on stderr what happens: console, sentences; or json, an object a line."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say where values come from, in order: arguments, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def naive_zone(self) -> tzinfo:
        """The time zone of times that come without one."""
        return UTC if self.naive_time_zone == "UTC" else ZoneInfo(self.naive_time_zone)

    @property
    def naming(self) -> Naming:
        """The rules that say which spellings mean one dataset."""
        return Naming(self.namespace_map, self.case_insensitive_namespaces, self.trim_partitions)

    @property
    def address(self) -> tuple[str, int] | None:
        """Where to serve HTTP, if somewhere: events want an address, whether one was named or not."""
        if self.listen is None and self.http is None:
            return None
        return _split_address(self.listen or DEFAULT_ADDRESS)

    @property
    def redaction(self) -> Redaction:
        """What is taken out of facets: our own rules, and after them the user's."""
        rules = {**STANDARD, **(self.redact or {})}
        return Redaction(rules, key=self.secret("redact_key"), max_facet_bytes=self.max_facet_bytes)

    def secret(self, name: Secret) -> str | None:
        """Return a secret, from the file that is named for it if there is one, as Docker and Kubernetes hand them over.

        Raises:
            SettingsError: it is given twice, or its file cannot be read.
        """
        given: SecretStr | None = getattr(self, name)
        path: Path | None = getattr(self, f"{name}_file")
        if path is None:
            return _revealed(given)
        if given is not None:
            raise SettingsError(f"{name} and {name}_file are both given; one of them is enough.")
        try:
            found = path.read_text().strip()
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not text"
            raise SettingsError(f"{name}_file: {path} cannot be read: {reason}.") from None
        if not found:
            raise SettingsError(f"{name}_file: {path} is empty.")
        return found

    def kafka_options(self) -> dict[str, object]:
        """Return what kafka-python needs to know beyond brokers, topics and group.

        Raises:
            SettingsError: what is set cannot work together, so that nothing falls back to less security.
        """
        problem = self._kafka_problem()
        if problem:
            raise SettingsError(f"{problem}.")
        options: dict[str, object | None] = {
            "security_protocol": self.security_protocol,
            "ssl_cafile": _text(self.ssl_cafile),
            "ssl_certfile": _text(self.ssl_certfile),
            "ssl_keyfile": _text(self.ssl_keyfile),
            "ssl_password": self.secret("ssl_key_password"),
            "ssl_check_hostname": None if self.ssl_check_hostname else False,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.secret("sasl_password"),
            "sasl_oauth_token_provider": self._token_source(),
        }
        return {name: value for name, value in options.items() if value is not None}

    def _kafka_problem(self) -> str | None:
        """Say what of the Kafka settings cannot work together."""
        protocol, mechanism = self.security_protocol or "PLAINTEXT", self.sasl_mechanism
        uses_sasl, uses_tls = protocol.startswith("SASL_"), protocol in _TLS
        says_tls = self.ssl_cafile or self.ssl_certfile or self.ssl_keyfile
        says_sasl = mechanism or self.sasl_username or self.sasl_password or self.sasl_password_file
        gives_token = self.sasl_oauth_token_file, self.sasl_oauth_token_url
        problems: dict[str, object] = {
            f"security_protocol {protocol} needs a sasl_mechanism": uses_sasl and not mechanism,
            "sasl_mechanism, sasl_username and sasl_password need security_protocol SASL_SSL (or SASL_PLAINTEXT, which "
            "sends them in the clear)": says_sasl and not uses_sasl,
            "sasl_mechanism AWS_MSK_IAM needs security_protocol SASL_SSL": mechanism == "AWS_MSK_IAM" and not uses_tls,
            "ssl_cafile, ssl_certfile and ssl_keyfile need security_protocol SSL or SASL_SSL": (
                says_tls and not uses_tls
            ),
            "ssl_keyfile needs ssl_certfile": self.ssl_keyfile and not self.ssl_certfile,
            "sasl_mechanism OAUTHBEARER needs sasl_oauth_token_file or sasl_oauth_token_url": (
                mechanism == "OAUTHBEARER" and not any(gives_token)
            ),
            "sasl_oauth_token_file and sasl_oauth_token_url are both given; one of them is enough": all(gives_token),
        }
        needed = _NEEDS.get(mechanism or "", ())
        if mechanism == "OAUTHBEARER" and self.sasl_oauth_token_url:
            needed = ("sasl_oauth_client_id", "sasl_oauth_client_secret")
        for name in needed:
            given = getattr(self, name) or getattr(self, f"{name}_file", None)
            problems[f"sasl_mechanism {mechanism} needs {name}"] = not given
        return next((problem for problem, is_there in problems.items() if is_there), None)

    def _token_source(self) -> Callable[[], str] | None:
        if self.sasl_mechanism != "OAUTHBEARER":
            return None
        from .tokens import FileToken, ProviderToken

        if self.sasl_oauth_token_file is not None:
            return FileToken(self.sasl_oauth_token_file)
        return ProviderToken(
            self.sasl_oauth_token_url or "",
            self.sasl_oauth_client_id or "",
            self.secret("sasl_oauth_client_secret") or "",
            self.sasl_oauth_scope,
        )

    def described(self) -> str:
        """Return the settings on one line, secrets hidden."""
        return " ".join(f"{name}={value}" for name, value in self.model_dump(mode="json").items() if value is not None)


def settings(**given: Any) -> Settings:
    """Return the settings; a value of None was not given.

    Raises:
        SettingsError: one of them makes no sense.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{FILE} is not a TOML file: {exc}. Write lines such as threads = 2.") from exc
    except ValidationError as exc:
        # Neither the value nor the context: a secret may be among them.
        first = exc.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"The setting {name} makes no sense: {first['msg']}. It comes from --{name.replace('_', '-')}, "
            f"HEADWATER_{name.upper()} or {FILE}."
        ) from None
