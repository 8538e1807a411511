"""The demo's story: which recording, and the question with its answer."""

from __future__ import annotations

from pathlib import Path

import click

from ..store import Reader

NAMESPACE = "duckdb:///srv/sales.duckdb"
DATASET = "sales.data_mart.dim_customers"
CHECK = "unique_dim_customers_customer_id"
FIELD = "customer_id"

QUESTION = f"""
SELECT rank, score, name, field, job_name, bad_since, path, evidence
FROM root_cause('{NAMESPACE}', '{DATASET}', fld := '{FIELD}')
LIMIT 3
"""


def events_of(day: str) -> list[Path]:
    """Return the recordings of a day: the broken day follows a healthy one."""
    days = ["healthy"] if day == "healthy" else ["healthy", "broken"]
    return [_recordings() / f"{name}_day.ndjson" for name in days]


def tell(store: Path, day: str, *, keeps: bool) -> None:
    """Print the question, the answer, the path and the evidence."""
    with Reader(store) as reader:
        failing = reader.query(_FAILING, {"namespace": NAMESPACE, "name": DATASET}).to_pylist()
        causes = reader.query(QUESTION).to_pylist()
    click.echo(f"\nThe {day} day of the sales platform: {DATASET}")
    if not failing:
        click.echo(
            "Every check of it passed, and so did everything upstream that matters. There is nothing to explain.\n"
        )
        return
    for result in failing:
        found = f"found {result['actual']}, expected {result['expected']}"
        click.echo(f"  ✗ {result['check_name']} failed ({found})")
    click.echo(f"\nWhich upstream table is to blame?\n{QUESTION}")
    for cause in causes:
        mark = "→" if cause["rank"] == 1 else " "
        click.echo(
            f"{mark} {cause['rank']}. {cause['name']}  field {cause['field'] or '(all)'}  score {cause['score']:.2f}"
        )
        click.echo(f"     path      {' → '.join(cause['path'])}")
        click.echo(f"     evidence  {cause['evidence']}")
        click.echo(f"     written by {cause['job_name']}\n")
    if keeps:
        click.echo(f"Ask more:  duckdb -readonly {store}")
    else:
        click.echo("Keep the store and ask more:  headwater demo --store lineage.duckdb")


def _recordings() -> Path:
    """Return the folder of the recordings: inside the installed package, or with the tests in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "demo"
    return inside if inside.is_dir() else package.parent / "tests" / "data" / "sales_platform" / "events"


_FAILING = """
SELECT check_name, expected, actual
FROM check_result
WHERE namespace = $namespace AND name = $name AND status = 'failed'
QUALIFY row_number() OVER (PARTITION BY check_name ORDER BY executed_at DESC) = 1
ORDER BY check_name
"""
