from pathlib import Path

import pytest
from headwater.errors import SettingsError
from headwater.settings import Settings, settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_defaults_are_those_of_the_contract() -> None:
    chosen = settings()

    assert (chosen.store, chosen.bootstrap_servers, chosen.topic, chosen.group_id, chosen.publish_every) == (
        Path("lineage.duckdb"),
        "localhost:9092",
        ("openlineage",),
        "headwater",
        1.0,
    )


def test_an_argument_beats_the_environment_which_beats_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "headwater.toml").write_text('group_id = "file"\ntopic = ["file"]\npublish_every = 3\n')
    monkeypatch.setenv("HEADWATER_GROUP_ID", "environment")
    monkeypatch.setenv("HEADWATER_TOPIC", "a, b")

    chosen = settings(group_id="argument", topic=None)

    assert (chosen.group_id, chosen.topic, chosen.publish_every) == ("argument", ("a", "b"), 3.0)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"publish_every": "0"},
            "The setting publish_every makes no sense: Input should be greater than 0. It comes from --publish-every, "
            "HEADWATER_PUBLISH_EVERY or headwater.toml.",
        ),
        (
            {"dead_letter_share": "often"},
            "The setting dead_letter_share makes no sense: Input should be a valid number, unable to parse string as a "
            "number. It comes from --dead-letter-share, HEADWATER_DEAD_LETTER_SHARE or headwater.toml.",
        ),
    ],
)
def test_a_setting_that_makes_no_sense_says_where_it_comes_from(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**given)

    assert str(caught.value) == sentence


SECRETS = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_not_shown(name: str) -> None:
    chosen = settings(**{name: "https://hush"})

    assert "hush" not in chosen.described()
    assert "hush" not in repr(chosen)
    assert f"{name}=**********" in chosen.described()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_cannot_be_one_is_not_shown_either(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**{name: ["hush"]})

    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_be_in_a_file(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "secret").write_text("hush\n")
    monkeypatch.setenv(f"HEADWATER_{name.upper()}_FILE", str(folder / "secret"))

    chosen = settings()

    assert chosen.secret(name) == "hush"  # type: ignore[arg-type]
    assert "hush" not in chosen.described()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"sasl_password": "a"}, "sasl_password and sasl_password_file are both given; one of them is enough."),
        ({"sasl_password_file": "nowhere"}, "sasl_password_file: nowhere cannot be read: No such file or directory."),
        ({"sasl_password_file": "empty"}, "sasl_password_file: empty is empty."),
        ({"sasl_password_file": "bytes"}, "sasl_password_file: bytes cannot be read: it is not text."),
    ],
)
def test_a_file_of_a_secret_that_cannot_be_used_is_named(folder: Path, given: dict[str, str], sentence: str) -> None:
    (folder / "secret").write_text("hush")
    (folder / "empty").write_text("\n")
    (folder / "bytes").write_bytes(b"\xff")

    with pytest.raises(SettingsError) as caught:
        settings(**{"sasl_password_file": "secret", **given}).secret("sasl_password")

    assert str(caught.value) == sentence


USER = {"sasl_username": "me", "sasl_password": "hush"}
SASL = {"security_protocol": "SASL_SSL"}


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, {}),
        (
            {
                "security_protocol": "SSL",
                "ssl_cafile": "ca",
                "ssl_certfile": "c",
                "ssl_keyfile": "k",
                "ssl_key_password": "p",
            },
            {
                "security_protocol": "SSL",
                "ssl_cafile": "ca",
                "ssl_certfile": "c",
                "ssl_keyfile": "k",
                "ssl_password": "p",
            },
        ),
        (
            {"security_protocol": "SSL", "ssl_check_hostname": "false"},
            {"security_protocol": "SSL", "ssl_check_hostname": False},
        ),
        (
            {**SASL, **USER, "sasl_mechanism": "SCRAM-SHA-512"},
            {**SASL, "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "me", "sasl_plain_password": "hush"},
        ),
        ({**SASL, "sasl_mechanism": "AWS_MSK_IAM"}, {**SASL, "sasl_mechanism": "AWS_MSK_IAM"}),
    ],
)
def test_settings_become_options_of_kafka(given: dict[str, str], options: dict[str, object]) -> None:
    assert settings(**given).kafka_options() == options


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (SASL, "security_protocol SASL_SSL needs a sasl_mechanism."),
        (
            {**USER, "sasl_mechanism": "PLAIN"},
            "sasl_mechanism, sasl_username and sasl_password need security_protocol SASL_SSL (or SASL_PLAINTEXT, which "
            "sends them in the clear).",
        ),
        (
            {"ssl_cafile": "ca.pem"},
            "ssl_cafile, ssl_certfile and ssl_keyfile need security_protocol SSL or SASL_SSL.",
        ),
        ({"security_protocol": "SSL", "ssl_keyfile": "k"}, "ssl_keyfile needs ssl_certfile."),
        ({**SASL, "sasl_mechanism": "PLAIN", "sasl_username": "me"}, "sasl_mechanism PLAIN needs sasl_password."),
        (
            {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "AWS_MSK_IAM"},
            "sasl_mechanism AWS_MSK_IAM needs security_protocol SASL_SSL.",
        ),
        (
            {**SASL, "sasl_mechanism": "OAUTHBEARER"},
            "sasl_mechanism OAUTHBEARER needs sasl_oauth_token_file or sasl_oauth_token_url.",
        ),
        (
            {
                **SASL,
                "sasl_mechanism": "OAUTHBEARER",
                "sasl_oauth_token_url": "https://idp",
                "sasl_oauth_client_id": "a",
            },
            "sasl_mechanism OAUTHBEARER needs sasl_oauth_client_secret.",
        ),
    ],
)
def test_security_never_falls_back_to_less(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**given).kafka_options()

    assert str(caught.value) == sentence


def test_a_rule_of_redaction_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(
        SettingsError, match=r"The setting redact makes no sense: .*hide is none of drop, mask, hash, keep"
    ):
        settings(redact="mine=hide")


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("name", ["store.duckdb", "data/Store.db"])
def test_a_store_must_not_be_called_like_its_schema(name: str) -> None:
    with pytest.raises(SettingsError, match=f"call {name} something else"):
        settings(store=name)
