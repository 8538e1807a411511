"""Canonical JSON: one spelling for each value, so that its hash can stand for it.

Keys are sorted, there is no white space, strings are escaped no more than JSON demands, and numbers keep the digits
they came with: 64-bit snapshot ids and 1.10 come out as they went in.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from .errors import UnreadableRecord

# A facet's id stands in a skeleton between two of these. JSON has no raw control characters, so nothing that a producer
# sends can look like one.
FACET_MARK = "\x01"

_QUOTE = ord('"')

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


def parse(raw: bytes | msgspec.Raw) -> Any:
    """Return a JSON text as Python objects.

    Raises:
        UnreadableRecord: it is not JSON.
    """
    try:
        return _decode(raw)
    except ArithmeticError as exc:
        raise UnreadableRecord("invalid_json", "a number has an exponent beyond all limits") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise UnreadableRecord("invalid_json", str(exc)) from exc


def canonical_bytes(value: Any) -> bytes:
    """Return the canonical text of what `parse` returned."""
    return _encode(value)


def canonical(raw: msgspec.Raw) -> str:
    """Return the canonical text of a JSON text that was cut out of a larger one."""
    source = bytes(raw)
    # A string without escapes is canonical already: whoever cut it out refused control characters.
    if source[0] == _QUOTE and b"\\" not in source:
        return source.decode()
    return _encode(parse(source)).decode()


@lru_cache(maxsize=4096)
def quoted(key: str) -> str:
    """Return a key as it stands in canonical JSON."""
    return _encode(key).decode()


@lru_cache(maxsize=4096)
def in_order(keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return keys in canonical order, each with the text that comes before its value.

    Producers send the same members in the same order all day long, so this is looked up rather than sorted.
    """
    return tuple((key, f"{quoted(key)}:") for key in sorted(keys))
