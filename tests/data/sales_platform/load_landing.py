"""Loads each file of raw/ into a table of `landing`, and says so in OpenLineage."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    datasource_dataset,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
    processing_engine_run,
    schema_dataset,
)
from openlineage.client.uuid import generate_new_uuid

PRODUCER = "https://github.com/headwater-lineage/headwater/tree/main/tests/data/sales_platform"
DATABASE = "/srv/sales.duckdb"
NAMESPACE = f"duckdb://{DATABASE}"  # as dbt-ol names it, so that both speak of the same tables


def load(client: OpenLineageClient, connection: duckdb.DuckDBPyConnection, csv: Path) -> None:
    """Replaces `landing.STEM` with the rows of `csv`: a START event, the load, a COMPLETE event."""
    table = f"landing.{csv.stem}"
    job = Job(
        namespace="sales",
        name=f"ingest.{csv.stem}",
        facets={
            "jobType": job_type_job.JobTypeJobFacet(
                processingType="BATCH", integration="PYTHON", jobType="JOB"
            )
        },
    )
    run = Run(
        runId=str(generate_new_uuid()),
        facets={
            "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
                name="duckdb", version=duckdb.__version__
            )
        },
    )

    def emit(state: RunState, inputs: list[InputDataset], outputs: list[OutputDataset]) -> None:
        client.emit(
            RunEvent(
                eventType=state,
                eventTime=datetime.now(UTC).isoformat(),
                run=run,
                job=job,
                producer=PRODUCER,
                inputs=inputs,
                outputs=outputs,
            )
        )

    emit(
        RunState.START,
        [InputDataset(namespace="file", name=str(csv))],
        [OutputDataset(namespace=NAMESPACE, name=f"sales.{table}")],
    )
    connection.execute(
        f"CREATE OR REPLACE TABLE {table} AS FROM read_csv('{csv}', header = true, all_varchar = true)"
    )
    (rows,) = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
    columns = connection.execute(f"DESCRIBE {table}").fetchall()
    emit(
        RunState.COMPLETE,
        [
            InputDataset(
                namespace="file",
                name=str(csv),
                inputFacets={
                    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                        rowCount=rows, size=csv.stat().st_size, fileCount=1
                    )
                },
            )
        ],
        [
            OutputDataset(
                namespace=NAMESPACE,
                name=f"sales.{table}",
                facets={
                    "dataSource": datasource_dataset.DatasourceDatasetFacet(name=NAMESPACE, uri=NAMESPACE),
                    "schema": schema_dataset.SchemaDatasetFacet(
                        fields=[
                            schema_dataset.SchemaDatasetFacetFields(
                                name=name, type=kind, ordinal_position=position
                            )
                            for position, (name, kind, *_) in enumerate(columns, start=1)
                        ]
                    ),
                },
                outputFacets={
                    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                        rowCount=rows
                    )
                },
            )
        ],
    )
    print(f"{table}: {rows} rows")


if __name__ == "__main__":
    with duckdb.connect(DATABASE) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS landing")
        client = OpenLineageClient()  # openlineage.yml, beside this file, says where events go
        for csv in sorted(Path(__file__).resolve().parent.glob("raw/*.csv")):
            load(client, connection, csv)
        client.close()
