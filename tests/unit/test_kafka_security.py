"""Certificates, keys and mechanisms that cannot work are named before anybody is asked."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from headwater.errors import BrokerRefused, SettingsError
from headwater.sources.kafka.cluster import Cluster
from headwater.sources.kafka.security import check_files, secured


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an authority, a certificate with its key, another key, and a file of something else."""
    authority = trustme.CA()
    ours, others = (authority.issue_cert("headwater@example.com") for _ in range(2))
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    ours.private_key_pem.write_to_path(tmp_path / "key.pem")
    others.private_key_pem.write_to_path(tmp_path / "other.pem")
    (tmp_path / "text").write_text("nothing of the kind")
    return tmp_path


def test_files_that_belong_together_are_fine(folder: Path) -> None:
    check_files({f"ssl_{name}": str(folder / f"{file}.pem") for name, file in PARTS.items()})


PARTS = {"cafile": "ca", "certfile": "cert", "keyfile": "key"}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"ssl_cafile": "nowhere"}, r"^ssl_cafile: .*/nowhere cannot be read: No such file or directory\. "),
        ({"ssl_keyfile": "nowhere"}, r"^ssl_keyfile: .*/nowhere cannot be read: No such file or directory\. "),
        ({"ssl_cafile": "text"}, r"^ssl_cafile: .*/text holds no certificates in PEM form\.$"),
        ({"ssl_cafile": "key.pem"}, r"^ssl_cafile: .*/key.pem holds no certificates in PEM form\.$"),
        ({"ssl_keyfile": "other.pem"}, r"^ssl_certfile and ssl_keyfile: .* cannot be used together\."),
        ({"ssl_certfile": "text"}, r"^ssl_certfile and ssl_keyfile: .* cannot be used together\."),
    ],
)
def test_a_file_that_cannot_be_used_is_named(folder: Path, changed: dict[str, str], sentence: str) -> None:
    files = {f"ssl_{name}": f"{file}.pem" for name, file in PARTS.items()} | changed
    with pytest.raises(BrokerRefused, match=sentence):
        check_files({name: str(folder / file) for name, file in files.items()})


def test_iam_without_the_package_that_signs_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Callable[[str], None] = lambda _: None  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", found)
    with pytest.raises(SettingsError, match=r"needs the package botocore.*pip install 'headwater\[msk\]'"):
        secured({"sasl_mechanism": "AWS_MSK_IAM"})


def test_iam_without_credentials_is_no_broker_that_is_away() -> None:
    cluster = Cluster("broker:9098", {}, on_waiting=pytest.fail, stopping=lambda: False)
    missing = AttributeError("'NoneType' object has no attribute 'get_frozen_credentials'")
    explained = cluster.explained(missing)
    assert isinstance(explained, BrokerRefused)
    assert str(explained).startswith("broker:9098 refuses us: AWS gives us no credentials to sign in with.")


def test_a_key_without_a_password_is_not_asked_for_at_the_terminal() -> None:
    assert secured({"ssl_certfile": "c", "ssl_keyfile": "k"})["ssl_password"] == ""
    assert secured({"ssl_certfile": "c", "ssl_password": "p"})["ssl_password"] == "p"
