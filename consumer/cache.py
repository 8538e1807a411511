"""A bounded memory of what was seen: two generations, the older one thrown away when the younger is full.

What is asked for moves to the younger generation, so what is used stays. This costs one dict look-up on a hit, where
an LRU list would cost three writes.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Remembers values until about *capacity* of cost was put in since."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._cost = 0
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return the value, or None if it is not remembered (any more)."""
        value = self._young.get(key)
        if value is None:
            value = self._old.pop(key, None)
            if value is not None:
                self._young[key] = value
        return value

    def put(self, key: K, value: V, cost: int = 1) -> None:
        """Remember a value."""
        self._young[key] = value
        self._cost += cost
        if self._cost > self._capacity:
            self._old, self._young, self._cost = self._young, {}, 0

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old, self._cost = {}, {}, 0
