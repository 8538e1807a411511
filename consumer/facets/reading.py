"""How a facet is read: what cannot be read is left out as narrowly as can be, and named.

A member that need not be there, an element of a list or a value of a map is left out, and the rest is read. Only when
something is missing that a facet cannot do without is the whole facet left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from ..canonical import canonical_bytes

_ATTEMPTS = 8  # what is left out may leave its surroundings without something they need, but no facet is that deep
_NAMED = 3  # how many problems a sentence names
_STEPS = 16  # of the way to what is wrong; where there are more, the middle is left out

_Place = tuple[int | str, ...]
_T = TypeVar("_T")
_FacetT = TypeVar("_FacetT", bound="Facet")


class Facet(BaseModel):
    """What all facets and their parts share: camelCase on the wire, null is absent, more than we know is ignored."""

    # Most kinds of facets never come: a model is built when it is needed.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        return _without_nulls(value) if isinstance(value, dict) else value


def read(model: type[_FacetT], key: str, body: Any) -> tuple[_FacetT | None, str | None]:
    """Return what a facet says, and what of it could not be read: None if all could.

    Args:
        model: what the facet should be.
        key: the facet's key, such as ``schema``.
        body: the facet, as `headwater.canonical.parse` returns it.
    """
    problem = None
    for _ in range(_ATTEMPTS):
        try:
            return model.model_validate(body), problem
        except ValidationError as why:
            errors = why.errors(include_url=False, include_context=False, include_input=False)
        problem = problem or _sentence(key, errors)
        wrong = {_left_out(error) for error in errors}
        if () in wrong:
            break
        body = _without(body, wrong)
    return None, problem


def _sentence(key: str, errors: list[ErrorDetails]) -> str:
    problems = [f"{_named(key, error['loc'])}: {error['msg']}" for error in errors]
    more = len(problems) - _NAMED
    return "; ".join(problems[:_NAMED] + ([f"and {more} more"] if more > 0 else []))


def _named(key: str, place: _Place) -> str:
    steps = [key, *map(str, place)]
    return ".".join(steps if len(steps) <= _STEPS else [*steps[: _STEPS // 2], "…", *steps[-_STEPS // 2 :]])


def _left_out(error: ErrorDetails) -> _Place:
    """Return what has to go for an error to go: what is wrong, or what lacks something."""
    return error["loc"][:-1] if error["type"] == "missing" else error["loc"]


def _without(body: Any, places: Iterable[_Place]) -> Any:
    """Return *body* without what is at some places inside it, and leave *body* itself as it is."""
    root = [body]
    copies: set[int] = set()
    for place in sorted(places, key=len, reverse=True):  # what is inside goes before what holds it
        holder: Any = root
        for step, following in pairwise((0, *place)):
            if id(holder[step]) not in copies:
                holder[step] = _copy(holder[step])
                copies.add(id(holder[step]))
            holder = holder[step]
            if isinstance(holder, dict) and following not in holder:
                break
        else:
            if isinstance(holder, dict):
                del holder[place[-1]]
            else:
                holder[place[-1]] = None  # no element, and those after it stay where they are
    return root[0]


def _copy(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else _without_nulls(value)


def _without_nulls(value: Any) -> Any:
    """Leave the nulls out of a list or a map: some serialisers write them where something was dropped."""
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item is not None}
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _text(value: Any) -> str:
    """Write numbers and structures as text, where the spec has text and producers send what they have."""
    return canonical_bytes(value).decode()


def _word(value: Any) -> Any:
    """Read a word of a fixed vocabulary in any case."""
    return value.strip().upper() if isinstance(value, str) else value


# Text is left as it is without a call to Python, which is most of the time that reading takes.
Text = Annotated[str | Annotated[str, BeforeValidator(_text)], Field(union_mode="left_to_right")]
Word = Annotated[str, BeforeValidator(_word)]
Elements = Annotated[list[_T], BeforeValidator(_without_nulls)]
Values = Annotated[dict[str, _T], BeforeValidator(_without_nulls)]
