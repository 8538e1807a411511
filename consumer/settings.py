"""Every setting, in one frozen object that is made once, at the door.

A value comes from the command line, else from the environment (``HEADWATER_…``), else from ``headwater.toml`` in the
current folder, else it is the default. Nothing below the door reads the environment.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .errors import SettingsError

FILE = "headwater.toml"


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class Settings(BaseSettings):
    """What a user can set. Each field's description is its help text."""

    model_config = SettingsConfigDict(env_prefix="HEADWATER_", toml_file=FILE, frozen=True, extra="forbid")

    store: Path = Field(Path("lineage.duckdb"), description="The published DuckDB file that everybody reads.")
    publish_every: float = Field(1.0, gt=0, description="Seconds between two publications of the store.")
    memory_limit: str = Field(
        "128MB", pattern=r"^\d+(\.\d+)?\s*[KMGT]i?B$", description="DuckDB's memory limit while writing, such as 128MB."
    )
    threads: int = Field(2, ge=1, description="Threads that DuckDB uses while writing.")
    cache_memory: int = Field(32, ge=1, description="Megabytes for remembering facets that were seen.")
    batch_events: int = Field(10_000, ge=1, description="Records of one transaction, at most.")
    batch_bytes: int = Field(32 << 20, ge=1, description="Bytes of records of one transaction, at most.")
    batch_seconds: float = Field(0.25, gt=0, description="Seconds that a record waits for others, at most.")
    dead_letter_share: float = Field(
        0.5, gt=0, le=1, description="Stop when more than this share of the last 1,000 records is unreadable."
    )
    dead_letter_run: int = Field(1_000, ge=1, description="Stop when this many records in a row are unreadable.")

    bootstrap_servers: str = Field("localhost:9092", description="Kafka brokers, host:port, comma separated.")
    topic: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        ("openlineage",), min_length=1, description="Topics to read, comma separated."
    )
    group_id: str = Field("headwater", description="Kafka consumer group.")
    security_protocol: str | None = Field(None, description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.")
    sasl_mechanism: str | None = Field(None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.")
    sasl_username: str | None = Field(None, description="User name for SASL.")
    sasl_password: SecretStr | None = Field(None, description="Password for SASL; better in the environment.")
    ssl_cafile: Path | None = Field(None, description="Certificates of the authority that signed the brokers'.")

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

    def kafka_options(self) -> dict[str, object]:
        """Return what kafka-python needs to know beyond brokers, topics and group."""
        options: dict[str, object | None] = {
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password.get_secret_value() if self.sasl_password else None,
            "ssl_cafile": str(self.ssl_cafile) if self.ssl_cafile else None,
        }
        return {name: value for name, value in options.items() if value is not None}

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
        first = exc.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"The setting {name} makes no sense: {first['msg']}. It comes from --{name.replace('_', '-')}, "
            f"HEADWATER_{name.upper()} or {FILE}."
        ) from exc
