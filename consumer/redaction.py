"""What is taken out of facets before anything of them is stored. Pure: the same rules make the same of the same facet.

A rule is a pattern and an action: ``environmentVariables`` is a facet, ``*:*password*`` a member of any facet, at any
depth. In a list of pairs (``{"name": "TOKEN", "value": "…"}``, as OpenLineage writes environments and parameters) the
name decides and the value goes. Of several rules that fit, the last one holds.

    drop    the facet or member is not there (of a facet, null stays)
    mask    its values are [redacted]; its names stay, as far down as they go
    hash    its values are [sha256:…]: equal ones can still be told from others
    keep    it stays, in spite of an earlier rule

Redacting what is redacted changes nothing, so kept events can be folded anew.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from typing import Any, Literal, NamedTuple, get_args

from .canonical import canonical_bytes, parse, quoted
from .errors import UnreadableRecord

Action = Literal["drop", "mask", "hash", "keep"]
ACTIONS: tuple[Action, ...] = get_args(Action)

# Environments and Spark's properties are where secrets are; so are options by these names.
STANDARD: Mapping[str, Action] = {
    "environmentVariables": "mask",
    "environment-properties": "mask",
    "spark_properties": "mask",
    "*:*password*": "mask",
    "*:*passwd*": "mask",
    "*:*secret*": "mask",
    "*:*credential*": "mask",
    "*:*token": "mask",
    "*:*apikey*": "mask",
    "*:*api?key*": "mask",
    "*:*accesskey*": "mask",
    "*:*access?key*": "mask",
    "*:*private?key*": "mask",
}

OMITTED = "_headwater_omitted"  # the member that says why a facet is not there
MASK = "[redacted]"
# In these facets members are named after columns: a rule for any facet would take a column's lineage for a secret.
_NAMED_BY_COLUMNS = frozenset({"columnLineage", "dataQuality", "dataQualityMetrics", "lineage"})
_OF_EVERY_FACET = frozenset({"_producer", "_schemaURL", "_deleted", OMITTED})
_MAPS_OF_FACETS = frozenset({"facets", "inputFacets", "outputFacets"})
_DONE = re.compile(r"\[(?:redacted|sha256:[0-9a-f]{16})\]")
_PLAIN = re.compile(r"[a-z0-9_.\-]+")  # what a pattern has that is itself, however JSON spells it
_PLANS = 4096  # facets' keys for which we remember what is to do


class Rule(NamedTuple):
    """What to do with a facet, or with a member of it.

    Attributes:
        literal: is in every text that has something that the rule fits, in lower case.
    """

    facet: re.Pattern[str]
    of_any_facet: bool
    member: re.Pattern[str] | None
    action: Action
    literal: bytes


class _Plan(NamedTuple):
    """What is to do with one facet: as a whole, and with its members, the rule that holds first."""

    whole: Action
    members: tuple[Rule, ...]


def parse_rule(pattern: str, action: str) -> Rule:
    """Return the rule that a setting says.

    Raises:
        ValueError: there is no such action, or the pattern is empty.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action} is none of {', '.join(ACTIONS)}")
    facet, sign, member = pattern.partition(":")
    if not facet or (sign and not member):
        raise ValueError(f"{pattern!r} is none of FACET and FACET:MEMBER")
    decisive = member if sign else facet
    runs = [run for part in re.split(r"\[[^\]]*\]|[*?]", decisive.lower()) for run in _PLAIN.findall(part)]
    return Rule(
        _pattern(facet),
        set(facet) == {"*"},
        _pattern(member) if sign else None,
        action,
        max(runs, key=len, default="").encode(),
    )


def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob), re.IGNORECASE)


class Redaction:
    """The rules, and how large a facet may be."""

    def __init__(
        self, rules: Mapping[str, str] = {}, *, key: str | None = None, max_facet_bytes: int | None = None
    ) -> None:
        """Take down what to do; without rules, nothing.

        Args:
            rules: actions by pattern, the last that fits holding.
            key: makes hashes that nobody can guess who does not have it.
            max_facet_bytes: a facet whose canonical text is longer is left out; its size and hash stay.

        Raises:
            ValueError: a rule makes no sense.
        """
        self._rules = [parse_rule(pattern, action) for pattern, action in rules.items()][::-1]
        self._literals = sorted({rule.literal for rule in self._rules if rule.action != "keep"})
        self._key = key.encode() if key else None
        self.max_facet_bytes = max_facet_bytes
        self._plans: dict[str, _Plan] = {}

    def drops(self, key: str) -> bool:
        """Tell whether a facet is not to be there at all."""
        return self._plan(key).whole == "drop"

    def watched(self, key: str) -> list[bytes]:
        """Return words in lower case: a facet whose text in lower case has none of them stays as it is.

        The empty word is in every text.
        """
        whole, members = self._plan(key)
        return [b""] if whole != "keep" else sorted({rule.literal for rule in members})

    def facet(self, key: str, value: Any, text: bytes) -> Any:
        """Return what may be stored of a facet; *value* itself, the same object, if that is all of it.

        Args:
            key: the facet's key.
            value: the facet, as `headwater.canonical.parse` returns it.
            text: its canonical text.

        Raises:
            UnreadableRecord: it is nested too deeply.
        """
        redacted = self._redacted(key, value, text.lower()) if self._rules else value
        if self.max_facet_bytes is None or len(text) <= self.max_facet_bytes:
            return redacted
        text = text if redacted is value else canonical_bytes(redacted)
        return redacted if len(text) <= self.max_facet_bytes else _omitted(redacted, text)

    def rest(self, key: str, text: str) -> str:
        """Return what may be stored of a member of an event that is no facet, such as facets in the wrong place."""
        member = f"{{{quoted(key)}:{text}}}".encode()
        if not self._suspects(member.lower()):
            return text
        return canonical_bytes(self._anywhere(parse(member)).get(key)).decode()

    def record(self, value: bytes) -> bytes:
        """Return what may be stored of a record that is no event: its bytes as they came, unless a rule fits.

        Where a rule fits in what is not even JSON, that and all after it is left out.
        """
        lowered = value.lower()
        if not (self._suspects(lowered) or (self._literals and b"\\u" in lowered)):
            return value
        try:
            parsed = parse(value)
            redacted = self._anywhere(parsed)
        except UnreadableRecord:
            return value[: min((at for word in self._literals if (at := lowered.find(word)) >= 0), default=len(value))]
        return value if redacted is parsed else canonical_bytes(redacted)

    def _suspects(self, lowered: bytes) -> bool:
        return any(literal in lowered for literal in self._literals)

    def _plan(self, key: str) -> _Plan:
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            plan = self._plans[key] = self._make_plan(key)
        return plan

    def _make_plan(self, key: str) -> _Plan:
        fitting = [rule for rule in self._rules if rule.facet.match(key)]
        whole: Action = next((rule.action for rule in fitting if rule.member is None), "keep")
        by_columns = key in _NAMED_BY_COLUMNS
        members = tuple(rule for rule in fitting if rule.member and not (by_columns and rule.of_any_facet))
        return _Plan(whole, members)

    def _redacted(self, key: str, value: Any, lowered: bytes) -> Any:
        whole, members = self._plan(key)
        try:
            if whole == "drop":
                return None
            if whole != "keep":
                return self._without_values(value, whole, members)
            if members and any(rule.literal in lowered for rule in members):
                return self._members(value, members)
        except RecursionError as exc:
            raise UnreadableRecord("invalid_json", f"the facet {key[:64]} is nested too deeply") from exc
        return value

    def _without_values(self, value: Any, action: Action, rules: tuple[Rule, ...]) -> Any:
        if not isinstance(value, dict):
            return self._replaced(value, action, rules)
        return {
            name: item if name in _OF_EVERY_FACET or _is_kept(rules, name) else self._replaced(item, action, rules)
            for name, item in value.items()
        }

    def _replaced(self, value: Any, action: Action, rules: tuple[Rule, ...] = ()) -> Any:
        """Return *value* with its names and without its values, but for members that a rule keeps."""
        if isinstance(value, dict):
            labels = _labels(value)
            kept = {name for name in value if name in labels or _is_kept(rules, name)}
            if any(_is_kept(rules, value[label]) for label in labels):
                kept.add("value")
            return {name: item if name in kept else self._replaced(item, action, rules) for name, item in value.items()}
        if isinstance(value, list):
            return [self._replaced(item, action, rules) for item in value]
        if value is None or (isinstance(value, str) and _DONE.fullmatch(value)):
            return value
        if action == "mask":
            return MASK
        text = canonical_bytes(value)
        digest = hmac.digest(self._key, text, "sha256") if self._key else hashlib.sha256(text).digest()
        return f"[sha256:{digest.hex()[:16]}]"

    def _members(self, value: Any, rules: tuple[Rule, ...]) -> Any:
        """Return *value* with its members redacted; the same object if there are none to redact."""
        if isinstance(value, dict):
            found = {}
            of_pair = _action_of_pair(rules, value)
            for name, item in value.items():
                action = of_pair if name == "value" and of_pair != "keep" else _action(rules, name)
                if action == "keep" or name in _OF_EVERY_FACET:
                    found[name] = self._members(item, rules)
                elif action != "drop":
                    found[name] = self._replaced(item, action)
            return value if _is_same(found.items(), value.items()) else found
        if isinstance(value, list):
            items = [self._members(item, rules) for item in value]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        return value

    def _anywhere(self, value: Any) -> Any:
        """Redact what looks like a facet, wherever it is; and members that go by the rules for any facet."""
        try:
            return self._look_into(value)
        except RecursionError as exc:
            raise UnreadableRecord("invalid_json", "it is nested too deeply") from exc

    def _look_into(self, value: Any) -> Any:
        if isinstance(value, list):
            items = [self._look_into(item) for item in value]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        if not isinstance(value, dict):
            return value
        found = {}
        for name, item in value.items():
            if name in _MAPS_OF_FACETS and isinstance(item, dict):
                facets = {key: self._facet_of_unknown(key, facet) for key, facet in item.items()}
                found[name] = item if _is_same(facets.items(), item.items()) else facets
            elif self._plan(name).whole != "keep":
                found[name] = self._facet_of_unknown(name, item)
            else:
                found[name] = self._look_into(item)
        return self._members_once(value if _is_same(found.items(), value.items()) else found)

    def _members_once(self, value: dict[str, Any]) -> dict[str, Any]:
        """Redact the members of one object by the rules for any facet, and leave those inside of them alone."""
        rules = tuple(rule for rule in self._rules if rule.member and rule.of_any_facet)
        of_pair = _action_of_pair(rules, value)
        found = {}
        for name, item in value.items():
            action = of_pair if name == "value" and of_pair != "keep" else _action(rules, name)
            if action == "keep" or isinstance(item, dict | list):
                found[name] = item
            elif action != "drop":
                found[name] = self._replaced(item, action)
        return value if _is_same(found.items(), value.items()) else found

    def _facet_of_unknown(self, key: str, value: Any) -> Any:
        return self._redacted(key, value, canonical_bytes(value).lower())


def _labels(value: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the members that name the value of a pair; none if this is no pair."""
    if "value" not in value:
        return ()
    return tuple([name for name in ("name", "key") if isinstance(value.get(name), str)])


def _action_of_pair(rules: Iterable[Rule], value: Mapping[str, Any]) -> Action:
    """Return what is to do with the value of a pair: one of its names is enough to make it a secret."""
    actions = [_action(rules, value[label]) for label in _labels(value)]
    return next((action for action in actions if action != "keep"), "keep")


def _action(rules: Iterable[Rule], name: str) -> Action:
    return next((rule.action for rule in rules if rule.member and rule.member.match(name)), "keep")


def _is_kept(rules: Iterable[Rule], name: str) -> bool:
    """Tell whether a rule says so; that none says anything is not enough inside a facet that goes as a whole."""
    return next((rule.action == "keep" for rule in rules if rule.member and rule.member.match(name)), False)


def _is_same(new: Iterable[tuple[str, Any]], old: Iterable[tuple[str, Any]]) -> bool:
    new, old = list(new), list(old)
    return len(new) == len(old) and all(left[1] is right[1] for left, right in zip(new, old, strict=True))


def _omitted(value: Any, text: bytes) -> dict[str, Any]:
    """Return what stands for a facet that is too large."""
    digest = hashlib.sha256(text).hexdigest()
    said = {} if not isinstance(value, dict) else {name: value[name] for name in _OF_EVERY_FACET & value.keys()}
    short = {name: item for name, item in said.items() if len(canonical_bytes(item)) <= 128}
    return {**short, OMITTED: f"{len(text):,} bytes are more than max_facet_bytes; their SHA-256 is {digest}"}


def why_omitted(value: Any) -> str | None:
    """Return why a facet is not there, if this stands for one."""
    said = value.get(OMITTED) if isinstance(value, dict) else None
    return said if isinstance(said, str) else None
