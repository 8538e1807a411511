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


def test_secrets_are_not_shown() -> None:
    chosen = settings(sasl_username="me", sasl_password="hush")

    assert "hush" not in chosen.described()
    assert "hush" not in repr(chosen)
    assert chosen.kafka_options() == {"sasl_plain_username": "me", "sasl_plain_password": "hush"}


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
