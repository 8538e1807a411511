from headwater.cache import Cache
from hypothesis import given
from hypothesis import strategies as st


def test_what_is_used_stays_and_what_is_not_goes() -> None:
    cache: Cache[int, str] = Cache(capacity=4)
    for key in range(40):
        cache.put(key, str(key))
        assert cache[0] == "0"

    assert cache[1] is None
    assert cache[39] == "39"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), max_size=200))
def test_a_cache_returns_what_was_put_or_nothing(steps: list[tuple[int, int]]) -> None:
    cache: Cache[int, int] = Cache(capacity=10)
    for key, cost in steps:
        assert cache[key] in (None, key * 2)
        cache.put(key, key * 2, cost)
        assert cache[key] == key * 2


def test_a_cleared_cache_is_empty() -> None:
    cache: Cache[str, int] = Cache(capacity=1)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.clear()

    assert (cache["a"], cache["b"]) == (None, None)
