"""A memory of what was seen and is still used: two generations, the older one thrown away when the younger is full.

What is asked for moves to the younger generation, so what is used stays. A hit costs one look-up in a dict, and no
call of a Python function; an LRU list would cost three writes.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(dict[K, V | None], Generic[K, V]):
    """Remembers values until about *capacity* of cost was put in since: ``cache[key]`` is the value, or None."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity
        self._cost = 0
        self._old: dict[K, V | None] = {}

    def __missing__(self, key: K) -> V | None:
        value = self._old.pop(key, None)
        if value is not None:
            self[key] = value
        return value

    def put(self, key: K, value: V, cost: int = 1) -> None:
        """Remember a value."""
        self[key] = value
        self._cost += cost
        if self._cost > self._capacity:
            self._old = dict(self)
            self._cost = 0
            super().clear()

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._old = {}
        self._cost = 0
