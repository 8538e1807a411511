"""Events as hypothesis makes them up: plausible ones, and those with a few things wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from mutate import KEYS, NUMBERS, STRINGS, Text, mutated, parse, render

JSON = dict[str, Any]

# What fails is not made smaller: that takes minutes, and the judge says which record it was.
RELAXED = settings(
    deadline=None, suppress_health_check=[*HealthCheck], phases=[Phase.explicit, Phase.reuse, Phase.generate]
)

moments = st.one_of(
    st.integers(0, 9).map(lambda second: f"2026-01-01T00:00:0{second}Z"),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.sampled_from([text for text in STRINGS if text[:1].isdigit()]),
)
names = st.one_of(st.sampled_from("abc"), st.text(max_size=8), st.sampled_from(STRINGS))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    names,
    st.sampled_from(NUMBERS).map(Text),
    st.floats(allow_nan=False, allow_infinity=False),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def some(**choices: st.SearchStrategy[Any]) -> st.SearchStrategy[JSON]:
    """Return objects that hold any of these members, each of which may be anything instead."""
    return st.fixed_dictionaries({}, optional={key: choice | anything for key, choice in choices.items()})


columns = st.fixed_dictionaries(
    {"namespace": st.just("db"), "name": st.sampled_from("abc"), "field": st.sampled_from("xy")},
    optional={
        "transformations": st.lists(
            some(type=st.sampled_from(["DIRECT", "INDIRECT"]), masking=st.booleans()), max_size=2
        )
    },
)
sources = columns.map(lambda column: column | {"type": "DATASET"})
dataset_facets = some(
    schema=some(
        fields=st.lists(some(name=names, type=names, fields=st.lists(some(name=names), max_size=1)), max_size=3)
    ),
    columnLineage=some(
        fields=st.dictionaries(names, some(inputFields=st.lists(columns, max_size=2)), max_size=2),
        dataset=st.lists(columns, max_size=1),
    ),
    lineage=some(inputs=st.lists(sources, max_size=2)),
    symlinks=some(
        identifiers=st.lists(
            some(namespace=st.just("db"), name=names, type=st.sampled_from(["TABLE", "LOCATION"])), max_size=2
        )
    ),
    lifecycleStateChange=some(
        lifecycleStateChange=st.sampled_from(["DROP", "RENAME", "CREATE"]),
        previousIdentifier=some(namespace=names, name=names),
    ),
    dataQualityAssertions=some(
        assertions=st.lists(some(assertion=names, success=st.booleans(), column=names), max_size=2)
    ),
    version=some(datasetVersion=names),
    documentation=some(description=names, _deleted=st.booleans()),
)
datasets = st.fixed_dictionaries(
    {"namespace": st.just("db"), "name": st.sampled_from("abc") | names},
    optional={
        "facets": dataset_facets,
        "inputFacets": some(dataQualityAssertions=dataset_facets),
        "outputFacets": some(outputStatistics=some(rowCount=anything, size=anything)),
    },
)
run_facets = some(
    parent=some(run=some(runId=names), job=some(namespace=names, name=names), root=some(run=some(runId=names))),
    nominalTime=some(nominalStartTime=moments, nominalEndTime=moments),
    errorMessage=some(message=names),
    test=some(tests=st.lists(some(name=names, status=names, params=anything), max_size=2)),
)
job_facets = some(
    jobType=some(
        jobType=st.sampled_from(["TEST", "MODEL"]),
        processingType=st.sampled_from(["STREAMING", "BATCH"]),
        emissionPattern=some(eventContentMode=st.sampled_from(["COMPLETE_SNAPSHOT", "ACCUMULATIVE"])),
    ),
    lineage=some(
        entries=st.lists(
            some(namespace=st.just("db"), name=names, type=st.just("DATASET"), inputs=st.lists(sources, max_size=2)),
            max_size=2,
        )
    ),
)
jobs = st.fixed_dictionaries(
    {"namespace": names, "name": st.sampled_from("jk") | names}, optional={"facets": job_facets}
)
sides = {"inputs": st.lists(datasets, max_size=3), "outputs": st.lists(datasets, max_size=2)}
runs = st.fixed_dictionaries({"runId": st.sampled_from("rs") | names}, optional={"facets": run_facets})
event_types = st.sampled_from(["START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER", "complete", "NEW", None])
events: st.SearchStrategy[JSON] = st.one_of(
    st.fixed_dictionaries({"eventTime": moments, "run": runs, "job": jobs, "eventType": event_types}, optional=sides),
    st.fixed_dictionaries({"eventTime": moments, "job": jobs}, optional=sides),
    st.fixed_dictionaries(
        {"eventTime": moments, "dataset": datasets}, optional={"producer": anything, "run": st.none()}
    ),
)


def written(value: Any) -> bytes:
    """Return a value of these strategies as bytes."""
    if isinstance(value, Text):
        return value.text.encode()
    if isinstance(value, dict):
        return b"{" + b",".join(json.dumps(key).encode() + b":" + written(item) for key, item in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(written, value)) + b"]"
    return json.dumps(value).encode()


@st.composite
def values(draw: st.DrawFn) -> bytes:
    """Return a record: an event or a batch of them, as it should be or with a few things wrong."""
    value = written(draw(st.one_of(events, events, events, st.lists(events, max_size=3), anything)))
    if draw(st.booleans()):
        with suppress(ValueError):  # it holds a number that is none: as wrong as it can be
            value = render(mutated(parse(value), draw(st.randoms(use_true_random=False))))
    cut = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1]))
    return (
        value[: len(value) // 2]
        if cut
        else draw(st.sampled_from([b"", b"", b"", b" ", b"\n" * 99, b"\xef\xbb\xbf"])) + value
    )
