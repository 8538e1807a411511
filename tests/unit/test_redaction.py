"""What rules take out of facets, and what they leave alone."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from headwater.canonical import canonical_bytes, parse
from headwater.errors import UnreadableRecord
from headwater.redaction import MASK, OMITTED, STANDARD, Redaction, why_omitted
from hypothesis import given
from hypothesis import strategies as st

HUSH = "hush-4711"
STANDARD_RULES = Redaction(STANDARD)


def redacted(key: str, body: Any, rules: Redaction = STANDARD_RULES) -> Any:
    value = parse(json.dumps(body).encode())
    return json.loads(canonical_bytes(rules.facet(key, value, canonical_bytes(value))))


# By default


def test_the_values_of_environments_and_of_sparks_properties_are_not_kept_but_their_names_are() -> None:
    environment = {
        "_producer": "https://example.com",
        "_schemaURL": "https://example.com/schema",
        "environmentVariables": [{"name": "LANG", "value": "C"}, {"name": "PASS", "value": HUSH}, {"value": 1}],
    }
    assert redacted("environmentVariables", environment) == {
        "_producer": "https://example.com",
        "_schemaURL": "https://example.com/schema",
        "environmentVariables": [{"name": "LANG", "value": MASK}, {"name": "PASS", "value": MASK}, {"value": MASK}],
    }
    assert redacted("spark_properties", {"properties": {"spark.master": "local", "spark.jdbc": HUSH, "n": None}}) == {
        "properties": {"spark.master": MASK, "spark.jdbc": MASK, "n": None}
    }
    assert redacted("environment-properties", {"environment-properties": {"user": [HUSH, True]}}) == {
        "environment-properties": {"user": [MASK, MASK]}
    }


@pytest.mark.parametrize(
    "name", ["password", "dbPassword", "PASSWD", "client_secret", "credentials", "authToken", "api_key", "apiKey"]
)
def test_members_that_are_called_like_secrets_are_masked_wherever_they_are(name: str) -> None:
    assert redacted("mine", {"a": [{"b": {name: HUSH, "c": 1}}]}) == {"a": [{"b": {name: MASK, "c": 1}}]}
    assert redacted("mine", {name: {"deep": [HUSH]}}) == {name: {"deep": [MASK]}}
    parameters = [{"key": f"the_{name}", "value": HUSH, "description": "d"}, {"key": "day", "value": "1"}]
    assert redacted("executionParameters", {"parameters": parameters}) == {
        "parameters": [{"key": f"the_{name}", "value": MASK, "description": "d"}, {"key": "day", "value": "1"}]
    }


def test_a_name_that_is_spelt_with_escapes_is_found() -> None:
    value = parse(b'{"pass\\u0077ord": "hush"}')
    assert STANDARD_RULES.facet("mine", value, canonical_bytes(value)) == {"password": MASK}


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("schema", {"fields": [{"name": "password", "type": "VARCHAR"}, {"name": "api_key", "type": "INT"}]}),
        (
            "columnLineage",
            {"fields": {"password": {"inputFields": [{"namespace": "n", "name": "d", "field": "token"}]}}},
        ),
        ("dataQualityMetrics", {"rowCount": 1, "columnMetrics": {"password": {"nullCount": 3}}}),
        ("sql", {"query": "SELECT password FROM users"}),
    ],
)
def test_columns_that_are_called_like_secrets_are_columns(key: str, body: Any) -> None:
    assert redacted(key, body) == body


def test_what_has_nothing_to_redact_is_the_same_object() -> None:
    value = parse(b'{"a":[{"b":1}],"description":"the password is not here"}')
    assert STANDARD_RULES.facet("mine", value, canonical_bytes(value)) is value


# Rules


@pytest.mark.parametrize(
    ("rules", "key", "body", "expected"),
    [
        ({"mine": "drop"}, "mine", {"a": 1}, None),
        ({"mi*": "mask"}, "MINE", {"a": 1, "b": {"c": [False, None]}}, {"a": MASK, "b": {"c": [MASK, None]}}),
        ({"mine": "mask"}, "mine", "text", MASK),
        ({"mine:a": "drop"}, "mine", {"a": 1, "b": [{"a": 2, "c": 3}]}, {"b": [{"c": 3}]}),
        ({"mine:a": "drop"}, "yours", {"a": 1}, {"a": 1}),
        ({"*:a": "mask", "mine:a": "keep"}, "mine", {"a": 1}, {"a": 1}),
        ({"*:a": "mask", "mine:a": "keep"}, "yours", {"a": 1}, {"a": MASK}),
        ({"*": "drop", "mine": "keep"}, "mine", {"a": 1}, {"a": 1}),
        (
            {"spark_properties": "mask", "spark_properties:spark.app.name": "keep"},
            "spark_properties",
            {"properties": {"spark.app.name": "load", "spark.jdbc": HUSH}},
            {"properties": {"spark.app.name": "load", "spark.jdbc": MASK}},
        ),
        (
            {"environmentVariables": "mask", "environmentVariables:LANG": "keep"},
            "environmentVariables",
            {"environmentVariables": [{"name": "LANG", "value": "C"}, {"name": "X", "value": HUSH}]},
            {"environmentVariables": [{"name": "LANG", "value": "C"}, {"name": "X", "value": MASK}]},
        ),
        ({"mine:c[ab]t": "mask"}, "mine", {"cat": 1, "cbt": 2, "cut": 3}, {"cat": MASK, "cbt": MASK, "cut": 3}),
        ({"columnLineage:password": "drop"}, "columnLineage", {"fields": {"password": 1}}, {"fields": {}}),
    ],
)
def test_the_last_rule_that_fits_holds(rules: dict[str, str], key: str, body: Any, expected: Any) -> None:
    assert redacted(key, body, Redaction(rules)) == expected


def test_hashes_tell_values_apart_and_need_the_key_to_be_guessed() -> None:
    body = {"a": "x", "b": "x", "c": "y", "d": 1, "e": None}
    plain, keyed = (redacted("mine", body, Redaction({"mine": "hash"}, key=key)) for key in (None, "k"))
    assert plain["a"] == plain["b"] == "[sha256:" + sha256(b'"x"').hexdigest()[:16] + "]"
    assert len({plain["a"], plain["c"], plain["d"], keyed["a"], keyed["c"], keyed["d"]}) == 6
    assert plain["e"] is keyed["e"] is None


@pytest.mark.parametrize(
    ("pattern", "action", "sentence"),
    [
        ("mine", "hide", "hide is none of drop, mask, hash, keep"),
        (":a", "mask", "':a' is none of FACET and FACET:MEMBER"),
        ("mine:", "mask", "'mine:' is none of FACET and FACET:MEMBER"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(pattern: str, action: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Redaction({pattern: action})


# Size


def test_a_facet_that_is_too_large_leaves_its_size_and_hash_behind() -> None:
    rules = Redaction(max_facet_bytes=100)
    body = {"_producer": "p", "a": "x" * 200}
    kept = redacted("mine", body, rules)
    assert kept.keys() == {"_producer", OMITTED}
    assert kept[OMITTED].startswith("224 bytes are more than max_facet_bytes; their SHA-256 is ")
    assert why_omitted(kept) == kept[OMITTED]
    assert redacted("mine", kept, Redaction(max_facet_bytes=len(canonical_bytes(kept)))) == kept
    assert redacted("mine", {"a": "x" * 50}, rules) == {"a": "x" * 50}


# Laws

texts = st.text('ab\u00e9"\\ ', max_size=3)
names = st.one_of(texts, st.sampled_from(["name", "key", "value", "password", "token", "facets", "spark_properties"]))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 9), st.just(HUSH), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
rule_sets = st.dictionaries(
    st.sampled_from(
        ["*", "mine", "m*", "*:*", "*:*password*", "mine:a", "mine:name", "spark_properties", "mine:value"]
    ),
    st.sampled_from(["drop", "mask", "hash", "keep"]),
    max_size=4,
)


@given(body=json_values, rules=rule_sets)
def test_redacting_what_is_redacted_changes_nothing(body: Any, rules: dict[str, str]) -> None:
    redaction = Redaction(rules)
    once = redacted("mine", body, redaction)
    assert redacted("mine", once, redaction) == once
    record = redaction.record(json.dumps(body).encode())
    assert redaction.record(record) == record


@given(body=json_values)
def test_no_value_of_a_masked_facet_is_left(body: Any) -> None:
    kept = redacted("mine", {"values": body}, Redaction({"mine": "mask"}))
    assert values_in(kept) <= {MASK} | labels_in(body)


def values_in(value: Any) -> set[Any]:
    if isinstance(value, dict):
        return set().union(*map(values_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(values_in, value))
    return set() if value is None else {value}


def labels_in(value: Any) -> set[str]:
    """Return the texts that name the value of a pair."""
    if isinstance(value, list):
        return set().union(*map(labels_in, value))
    if not isinstance(value, dict):
        return set()
    own = {value[name] for name in ("name", "key") if "value" in value and isinstance(value.get(name), str)}
    return own.union(*map(labels_in, value.values()))


# What is no facet


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (b'{"run": {"facets": {"mine": {"a": 1}}}}', b'{"run": {"facets": {"mine": {"a": 1}}}}'),
        (
            b'{"run": {"facets": {"spark_properties": {"properties": {"a": "hush"}}}}}',
            b'{"run":{"facets":{"spark_properties":{"properties":{"a":"[redacted]"}}}}}',
        ),
        (
            b'[1, {"environmentVariables": [{"name": "A", "value": "hush"}]}]',
            b'[1,{"environmentVariables":[{"name":"A","value":"[redacted]"}]}]',
        ),
        (b'{"user": "me", "password": "hush"}', b'{"password":"[redacted]","user":"me"}'),
        (b'{"pass\\u0077ord": "hush"}', b'{"password":"[redacted]"}'),
        (b'{"columnLineage": {"fields": {"password": {}}}}', b'{"columnLineage": {"fields": {"password": {}}}}'),
        (b"a log line that went astray", b"a log line that went astray"),
        (b'{"a": 1, "spark_properties": {"x": "hush"', b'{"a": 1, "'),
        (b"GET /?Password=hush", b"GET /?"),
        (b'\xff{"client_secret": "hush"}', b'\xff{"client_'),
    ],
)
def test_of_a_record_that_is_no_event_everything_is_kept_but_what_a_rule_fits(record: bytes, kept: bytes) -> None:
    assert STANDARD_RULES.record(record) == kept


def test_what_is_nested_beyond_reason_is_refused_and_not_an_accident() -> None:
    deep: Any = {"password": HUSH}
    for _ in range(5_000):
        deep = [deep]
    text = b"[" * 5_000 + b'{"password":"hush"}' + b"]" * 5_000
    with pytest.raises(UnreadableRecord, match="nested too deeply"):
        STANDARD_RULES.facet("mine", deep, text)
    assert STANDARD_RULES.record(text) == b"[" * 5_000 + b'{"'
