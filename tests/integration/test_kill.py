"""Whenever the sidecar is killed, nothing is lost and nothing is folded twice."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from _producer import NOBODY, Feed, Sidecar, account, clean_digest, digest, published
from broker import Broker

if TYPE_CHECKING:
    from conftest import MakeTopic

PARTITIONS = 3
RECORDS_A_SECOND = 400
LONGEST_LIFE = 3.5  # as long as it takes to show the first record


@pytest.mark.slow
def test_a_sidecar_that_is_killed_at_any_moment_folds_every_record_once(
    broker: Broker, topic: MakeTopic, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    kills: int = pytestconfig.getoption("--kills")
    seed = seed_of(pytestconfig)
    name, moments = topic(PARTITIONS), Random(seed)
    with Feed(broker, name, seed=seed, partitions=PARTITIONS) as feed:
        with feed.flowing(RECORDS_A_SECOND):
            longest = LONGEST_LIFE * seconds_to_the_first_record(broker, name, tmp_path)
            covered = [
                live_and_die(broker, name, tmp_path, life, moments.uniform(0.2, longest)) for life in range(kills)
            ]
        ended = consume_the_rest(broker, name, tmp_path, kills)
        account(ended, broker, name, feed)
    assert digest(ended) == clean_digest(broker, name, tmp_path)
    assert covered == sorted(covered), "a later snapshot was behind an earlier one"
    assert len(set(covered)) > kills // 3, f"too few lives brought anything to prove something: {covered}"


@pytest.mark.slow
def test_a_sidecar_that_is_killed_while_it_makes_its_store_makes_it_the_next_time(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    seed = seed_of(pytestconfig)
    moments = Random(seed)
    for life in range(pytestconfig.getoption("--kills") // 3):
        folder = tmp_path / str(life)
        with Sidecar(folder, NOBODY, "openlineage") as sidecar:
            time.sleep(moments.uniform(0.5, 1.5))
        with Sidecar(folder, NOBODY, "openlineage") as sidecar:
            sidecar.until("there is a published store", lambda: published(sidecar.store) == 0)
            assert "Traceback" not in "\n".join(sidecar.said)


def seed_of(config: pytest.Config) -> int:
    given: int | None = config.getoption("--kill-seed")
    seed = time.time_ns() % 1_000_000 if given is None else given
    print(f"again with --kill-seed {seed}")
    return seed


def seconds_to_the_first_record(broker: Broker, topic: str, folder: Path) -> float:
    """Return how long a sidecar takes from its start until readers see a record: machines differ by a lot."""
    begun = time.monotonic()
    with Sidecar(folder, broker.bootstrap_servers, topic, group=f"{topic}-first") as sidecar:
        sidecar.until_published(1)
        sidecar.kill()
    return time.monotonic() - begun


def live_and_die(broker: Broker, topic: str, folder: Path, life: int, seconds: float) -> int:
    """Consume for so long; return how many records readers see afterwards."""
    # A killed member is missed by its group only after the session's timeout, for which a life is too short. The group
    # does not matter: where to go on is in the store.
    with Sidecar(folder, broker.bootstrap_servers, topic, group=f"{topic}-{life}") as sidecar:
        time.sleep(seconds)
        assert sidecar.is_alive, sidecar.said
        sidecar.kill()
        assert "Traceback" not in "\n".join(sidecar.said)
        return published(sidecar.store)


def consume_the_rest(broker: Broker, topic: str, folder: Path, life: int) -> Path:
    options = ("--until-caught-up",)
    with Sidecar(folder, broker.bootstrap_servers, topic, *options, group=f"{topic}-{life}") as sidecar:
        assert sidecar.wait() == 0, sidecar.said
        return sidecar.store
