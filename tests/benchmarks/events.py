"""Makes OpenLineage events as a company's pipelines would send them, as NDJSON: the same bytes for the same seed.

    python tests/benchmarks/events.py OUT [--events 40000 | --gigabytes 1] [--seed 1] [--no-repetition]

OUT may be ``-``. Memory does not grow with the size: about an hour of events is held back, to put them in order of
arrival.

Where the numbers come from. *Measured* is what measure.py says of recorded events: 129 of Airflow tasks, 168 of dbt
models and tests, 66 of Spark actions. The facets, their keys, the order of members, white space, and what repeats from
event to event are taken from there too. *Assumed* is what demonstrations cannot show.

    size of an event      3.0 KB (Airflow), 3.6 (dbt), 4.4 (Spark), without the white space that Python's client adds
                          (measured); here 5.4, since more tasks name datasets
    events of a run       START and a terminal one; RUNNING in 9 % of Spark's events (measured)
    datasets of an event  inputs and outputs: Spark 1.2 and 0.4, dbt 0.6 and 0.3, Airflow 0.2 and 0.2 (measured); here
                          1.1 and 0.6: 60 % of Airflow's tasks name datasets, half of these only when done (assumed)
    facets of an event    Airflow 5.5, dbt 8.8, Spark 12.6 (measured); here 12.4
    facets seen before    81 % (Airflow), 88 % (Spark), 89 % (dbt), of some hundred events each (measured); here 93 % of
                          40,000, since tables outlive runs
    new in each run       the ``airflow`` run facet (1.6 KB), statistics, ``version``; in each DAG run, invocation or
                          application ``parent``, ``nominalTime``, ``dbt_run``; everything else repeats (measured)
    columns of a table    1 to 6 (measured)
    columns behind one    1.26 (measured); transformations from Spark only, none from dbt and Airflow (measured); 3 %
                          masked (1 of 186 measured, in demonstrations without personal data; assumed)
    failures              2 % of the runs and checks (assumed; 5 to 9 % measured, of which many are made on purpose)
    jobs and datasets     about 1,500 and 2,400; a fifth of the pipelines hourly, the others daily and mostly at night
                          (assumed)
    changes               a new column in 10 tables a day, new code in a tenth of the pipelines a day (assumed)
    lateness, duplicates  2 % of the events arrive up to 10 minutes late; 1 % arrive twice (assumed)

Without repetition every facet is new: the worst case for a consumer that remembers what it has seen.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count, cycle
from pathlib import Path
from random import Random
from typing import Any, BinaryIO, NamedTuple

EVENTS = 40_000
START = datetime(2026, 1, 5, tzinfo=UTC)
PLATFORMS = ("airflow", "dbt", "spark")
DAGS, PROJECTS, APPS = 40, 15, 30
LANDING = 1_500
HOURLY = 5  # one of so many pipelines
FAILED, LATE, DUPLICATE, MASKED = 0.02, 0.02, 0.01, 0.03
WIDTH = (1, 6)
LINEAGE = {"airflow": 0.5, "dbt": 0.4, "spark": 0.7}  # of the tables
RUNNING = 0.2  # of the runs of a Spark action

SPEC = "https://openlineage.io/spec/facets/"
RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
RUN_FACET = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"
CLIENT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/client/python"
DBT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
DBT_SCHEMA = "https://github.com/OpenLineage/OpenLineage/tree/main/integration/common/openlineage/schema/"
AIRFLOW = "https://github.com/apache/airflow/tree/providers-openlineage/2.20.3"
SPARK = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/spark"

NOUNS = "order customer invoice payment shipment product price stock visit click session"
COLUMNS = """
    id customer_id order_id product_id amount currency status created_at updated_at email country city postal_code
    quantity unit_price discount channel source_system is_active valid_from valid_to batch_id row_hash comment
"""
SQL_TYPES = ("BIGINT", "VARCHAR", "DOUBLE", "TIMESTAMP", "BOOLEAN", "DECIMAL(18,2)")
SPARK_TYPES = ("long", "string", "double", "timestamp", "boolean", "decimal(18,2)")
TRANSFORMATIONS = (("DIRECT", "IDENTITY"),) * 6 + (
    ("DIRECT", "TRANSFORMATION"),
    ("DIRECT", "AGGREGATION"),
    ("INDIRECT", "JOIN"),
    ("INDIRECT", "FILTER"),
)

Raw = str
"""JSON text that is put into other JSON as it is."""


def _object(members: Mapping[str, Raw], *, java: bool) -> Raw:
    """Put JSON together as the producers do: Java keeps the order of members, Python sorts and leaves spaces."""
    if java:
        return f"{{{','.join([f'{json.dumps(key)}:{value}' for key, value in members.items()])}}}"
    return f"{{{', '.join([f'{json.dumps(key)}: {members[key]}' for key in sorted(members)])}}}"


def _facet(producer: str, schema: str, /, **body: Any) -> Raw:
    facet = {"_producer": producer, "_schemaURL": schema if ":" in schema else SPEC + schema, **body}
    return json.dumps(facet, separators=(",", ":")) if producer == SPARK else json.dumps(facet, sort_keys=True)


def _spec(version: str, name: str) -> str:
    return f"{version}/{name}.json#/$defs/{name}"


class Column(NamedTuple):
    """A column and which of the types it has."""

    name: str
    type: int
    description: str


@dataclass(eq=False)
class Dataset:
    """A table or file, as the producer that writes it describes it."""

    platform: str
    namespace: str
    name: str
    columns: list[Column]
    described: bool
    written: int = 0

    def add_column(self, name: str, kind: int) -> None:
        """Make the table one column wider."""
        self.columns.append(Column(name, kind, ""))
        self.__dict__.pop("facets", None)

    @cached_property
    def facets(self) -> dict[str, Raw]:
        """The facets that stay the same until the table changes."""
        spark = self.platform == "spark"
        producer = {"spark": SPARK, "airflow": AIRFLOW}.get(self.platform, CLIENT)
        facets = {"schema": self._schema(producer)}
        if self.platform == "airflow":
            return facets
        uri = self.namespace
        facets["dataSource"] = _facet(producer, _spec("1-0-1", "DatasourceDatasetFacet"), name=uri, uri=uri)
        if spark and not self.described:
            facets["datasetType"] = _facet(producer, _spec("1-0-0", "DatasetTypeDatasetFacet"), datasetType="TABLE")
        if self.described and not spark:
            text = f"One row for each {self.columns[0].name} of {self.name}."
            facets["documentation"] = _facet(producer, _spec("1-1-0", "DocumentationDatasetFacet"), description=text)
        if spark and self.described:
            link = {"namespace": "hive://metastore:9083", "name": self.name.lstrip("/"), "type": "TABLE"}
            facets["symlinks"] = _facet(producer, _spec("1-0-1", "SymlinksDatasetFacet"), identifiers=[link])
        return facets

    def _schema(self, producer: str) -> Raw:
        types = SPARK_TYPES if self.platform == "spark" else SQL_TYPES
        fields: list[dict[str, Any]] = []
        for column in self.columns:
            one: dict[str, Any] = {"name": column.name, "type": types[column.type]}
            if self.platform != "spark":
                one = {"fields": [], **one}
            if column.description and self.platform == "dbt":
                one = {"description": column.description, **one}
            fields.append(one)
        return _facet(producer, _spec("1-2-0", "SchemaDatasetFacet"), fields=fields)

    @property
    def version(self) -> Raw:
        """The facet that is new after each write."""
        return _facet(SPARK, _spec("1-0-1", "DatasetVersionDatasetFacet"), datasetVersion=str(self.written))


@dataclass(eq=False)
class Job:
    """A task, model, test or action: what it reads and writes, and what is said about it each time."""

    kind: str
    namespace: str
    name: str
    inputs: list[Dataset]
    outputs: list[Dataset]
    facets: dict[str, Raw]
    seconds: int
    knows_late: bool = False
    lineage: list[tuple[Column, list[tuple[Dataset, Column, tuple[str, str], bool]]]] = field(default_factory=list)

    @cached_property
    def column_lineage(self) -> Raw:
        """The ``columnLineage`` facet of the first output."""
        with_ways = self.kind == "spark"
        fields = {
            output.name: {
                "inputFields": [
                    {
                        "namespace": source.namespace,
                        "name": source.name,
                        "field": column.name,
                        "transformations": [{"type": way[0], "subtype": way[1], "description": "", "masking": masking}]
                        if with_ways
                        else [],
                    }
                    for source, column, way, masking in behind
                ]
            }
            for output, behind in self.lineage
        }
        producer = {"spark": SPARK, "airflow": AIRFLOW}.get(self.kind, CLIENT)
        return _facet(producer, _spec("1-2-0", "ColumnLineageDatasetFacet"), fields=fields)


@dataclass(eq=False)
class Pipeline:
    """A DAG, dbt project or Spark application: jobs that run one after the other, every hour or every day."""

    kind: str
    name: str
    namespace: str
    hour: int | None
    minute: int
    jobs: list[Job]
    job_type: Raw
    commit: str
    facets: dict[str, Raw] = field(default_factory=dict)


class _Told(NamedTuple):
    """A dataset in an event."""

    dataset: Dataset
    facets: dict[str, Raw]
    own: dict[str, Raw]


class _Arrival(NamedTuple):
    at: float
    number: int
    value: bytes


@dataclass
class _Run:
    """One run of one job, on its way to be told."""

    job: Job
    run_id: str
    facets: dict[str, Raw]
    start: float
    end: float
    failed: bool


class Events:
    """An endless stream of events, in order of arrival."""

    def __init__(self, seed: int = 1, *, repetition: bool = True) -> None:
        """Set up the company; all chance comes from *seed*."""
        self._random = Random(seed)
        self._repetition = repetition
        self._number = count()
        self._nonce = count(1)
        self._waiting: list[_Arrival] = []
        self._datasets: list[Dataset] = []
        self.pipelines: list[Pipeline] = []
        self._make_company()

    def __iter__(self) -> Iterator[bytes]:
        for hour in count():
            self._change(hour)
            for pipeline in self.pipelines:
                if pipeline.hour is None or pipeline.hour == hour % 24:
                    self._run(pipeline, (START + timedelta(hours=hour, minutes=pipeline.minute)).timestamp())
            # Whatever starts later arrives later: all that arrives before the next hour is known.
            next_hour = (START + timedelta(hours=hour + 1)).timestamp()
            while self._waiting and self._waiting[0].at < next_hour:
                yield heapq.heappop(self._waiting).value

    # The company

    def _make_company(self) -> None:
        for number in range(LANDING):
            self._dataset(PLATFORMS[number % 3], f"{self._random.choice(NOUNS.split())}s_raw_{number:04}", number % 25)
        self._landing = {kind: cycle([d for d in self._datasets if d.platform == kind]) for kind in PLATFORMS}
        for number in range(DAGS):
            self._pipeline(
                "airflow", f"dag_{self._random.choice(NOUNS.split())}s_{number:02}", self._random.randint(8, 16)
            )
        for number in range(PROJECTS):
            self._pipeline("dbt", f"project_{number:02}", self._random.randint(18, 30))
        for number in range(APPS):
            self._pipeline(
                "spark", f"app_{self._random.choice(NOUNS.split())}s_{number:02}", self._random.randint(7, 15)
            )

    def _dataset(self, platform: str, name: str, where: int) -> Dataset:
        namespace, path = {
            "airflow": ("postgres://warehouse.internal:5432", f"erp.public.{name}"),
            "dbt": ("snowflake://acme-analytics", f"PROD.MART_{where:02}.{name.upper()}"),
            "spark": ("s3://acme-lake", f"warehouse/domain_{where:02}.db/{name}"),
        }[platform]
        width = self._random.randint(*WIDTH)
        columns = [
            Column(name, self._random.randrange(6), f"The {name} as it came." if self._random.random() < 0.4 else "")
            for name in self._random.sample(COLUMNS.split(), width)
        ]
        dataset = Dataset(platform, namespace, path, columns, self._random.random() < 0.5)
        self._datasets.append(dataset)
        return dataset

    def _pipeline(self, kind: str, name: str, size: int) -> None:
        hourly = len(self.pipelines) % HOURLY == 0
        hour = None if hourly else self._random.choice((*range(7), *range(7), *range(24)))
        integration, job_type, namespace = {
            "airflow": ("AIRFLOW", "DAG", "airflow"),
            "dbt": ("DBT", "JOB", f"dbt_{name}"),
            "spark": ("SPARK", "APPLICATION", "spark"),
        }[kind]
        commit = f"{self._random.getrandbits(160):040x}"
        pipeline = Pipeline(
            kind,
            name if kind != "dbt" else f"dbt-run-{name}",
            namespace,
            hour,
            self._random.randrange(60),
            [],
            self._job_type(kind, integration, job_type),
            commit,
        )
        made: list[Dataset] = []
        for number in range(size):
            self._job(pipeline, number, made)
        self.pipelines.append(pipeline)

    def _job_type(self, kind: str, integration: str, job_type: str) -> Raw:
        producer = {"airflow": AIRFLOW, "dbt": DBT, "spark": SPARK}[kind]
        return _facet(
            producer,
            _spec("2-0-4", "JobTypeJobFacet"),
            integration=integration,
            jobType=job_type,
            processingType="BATCH",
        )

    def _job(self, pipeline: Pipeline, number: int, made: list[Dataset]) -> None:
        kind, chance = pipeline.kind, self._random
        table = f"{chance.choice(NOUNS.split())}s_{pipeline.name.replace('-', '_')}_{number:02}"
        inputs: list[Dataset] = []
        outputs: list[Dataset] = []
        if kind != "airflow" or chance.random() < 0.6:  # the other tasks wait, copy, call an API
            for place in range(chance.choice((1, 1, 1, 2, 2, 3))):
                own = place == 0 and made and chance.random() < 0.3
                inputs.append(chance.choice(made) if own else next(self._landing[kind]))
            outputs = [self._dataset(kind, table, number)]
            made += outputs
        name, job_type = {
            "airflow": (f"{pipeline.name}.load_{table}", "TASK"),
            "dbt": (f"prod.mart.{pipeline.namespace}.{table}", "MODEL"),
            "spark": (f"{pipeline.name}.execute_insert_into_hadoop_fs_relation_command.{table}", "SQL_JOB"),
        }[kind]
        facets = {"jobType": self._job_type(kind, kind.upper(), job_type)}
        if outputs:
            columns = ", ".join(column.name for column in outputs[0].columns)
            facets["sql"] = _facet(
                AIRFLOW if kind == "airflow" else SPARK if kind == "spark" else CLIENT,
                _spec("1-1-0", "SQLJobFacet"),
                query=f"insert into {outputs[0].name} select {columns} from {inputs[0].name}",
            )
        late = kind == "airflow" and chance.random() < 0.5
        job = Job(kind, pipeline.namespace, name, inputs, outputs, facets, chance.randint(5, 240), late)
        self._describe(pipeline, job)
        self._derive(job)
        pipeline.jobs.append(job)
        if kind == "dbt" and chance.random() < 0.66:
            test = {"jobType": self._job_type("dbt", "DBT", "TEST"), "dbt_node": facets["dbt_node"]}
            pipeline.jobs.append(Job("test", job.namespace, f"{job.name}.test", outputs, [], test, 3))

    def _describe(self, pipeline: Pipeline, job: Job) -> None:
        if job.kind == "airflow":
            owners = [{"name": f"team-{sum(map(ord, pipeline.name)) % 12}"}]
            job.facets["ownership"] = _facet(AIRFLOW, _spec("1-0-1", "OwnershipJobFacet"), owners=owners)
            if self._random.random() < 0.3:
                job.facets["documentation"] = _facet(
                    AIRFLOW,
                    _spec("1-1-0", "DocumentationJobFacet"),
                    description=f"Loads what {job.name} needs. Restart it at any time, it overwrites its partition.",
                )
        elif job.kind == "dbt":
            job.facets["dbt_node"] = _facet(
                CLIENT,
                f"{DBT_SCHEMA}dbt-node-job-facet.json",
                alias=job.name.rpartition(".")[2],
                database="PROD",
                original_file_path=f"models/{job.name.rpartition('.')[2]}.sql",
                schema="MART",
                unique_id=f"model.{job.name}",
            )
        self._locate(pipeline, job)

    def _locate(self, pipeline: Pipeline, job: Job) -> None:
        if job.kind == "airflow":
            job.facets["sourceCodeLocation"] = _facet(
                AIRFLOW,
                _spec("1-1-0", "SourceCodeLocationJobFacet"),
                type="git",
                url=f"https://git.acme.example/data/{pipeline.name}/blob/{pipeline.commit}/{job.name}.sql",
                repoUrl=f"https://git.acme.example/data/{pipeline.name}",
                version=pipeline.commit,
            )

    def _derive(self, job: Job) -> None:
        """Choose the columns behind each column of the output."""
        chance = self._random
        if not job.outputs or chance.random() > LINEAGE[job.kind]:
            return
        for output in job.outputs[0].columns:
            behind = []
            for _ in range(2 if chance.random() < 0.26 else 1):
                source = chance.choice(job.inputs)
                way = chance.choice(TRANSFORMATIONS)
                behind.append((source, chance.choice(source.columns), way, chance.random() < MASKED))
            job.lineage.append((output, behind))

    def _change(self, hour: int) -> None:
        """Let tables get wider and code newer, once a day."""
        if hour == 0 or hour % 24 != 9:
            return
        for dataset in self._random.sample(self._datasets, 10):
            dataset.add_column(f"added_on_day_{hour // 24}", self._random.randrange(6))
        for pipeline in self._random.sample(self.pipelines, len(self.pipelines) // 10):
            pipeline.commit = f"{self._random.getrandbits(160):040x}"
            for job in pipeline.jobs:
                if job.kind != "test":
                    self._locate(pipeline, job)

    # Their days

    def _run(self, pipeline: Pipeline, start: float) -> None:
        """Tell one run of a pipeline: of itself, and of its jobs until one of them fails."""
        parent = self._run_id(start)
        facets = self._shared_facets(pipeline, parent, start)
        now = start + 1
        failed = False
        for job in pipeline.jobs:
            end = now + job.seconds * self._random.uniform(0.8, 1.3)
            failed = job.kind != "test" and self._random.random() < FAILED
            run_id = self._run_id(now)
            run = _Run(job, run_id, dict(facets), now, end, failed)
            if job.kind == "airflow":
                run.facets["airflow"] = self._airflow(pipeline, job, start, run_id)
            self._tell(run)
            now = end + self._random.uniform(0.5, 5)
            if failed:
                break
        own = Job(pipeline.kind, pipeline.namespace, pipeline.name, [], [], {"jobType": pipeline.job_type}, 0)
        mine = {key: value for key, value in facets.items() if key != "parent"}
        self._tell(_Run(own, parent, mine, start, now, failed))

    def _shared_facets(self, pipeline: Pipeline, parent: str, start: float) -> dict[str, Raw]:
        """Return the run facets that all runs of one DAG run, invocation or application have."""
        kind = pipeline.kind
        job = {"name": pipeline.name, "namespace": pipeline.namespace}
        producer = {"airflow": AIRFLOW, "dbt": CLIENT, "spark": SPARK}[kind]
        run = {"runId": parent}
        engine = {
            "airflow": {"name": "Airflow", "openlineageAdapterVersion": "2.20.3", "version": "3.1.8"},
            "dbt": {"name": "dbt", "openlineageAdapterVersion": "1.54.0", "version": "1.11.16"},
            "spark": {"version": "3.5.1", "name": "spark", "openlineageAdapterVersion": "1.54.0"},
        }[kind]
        root = {} if kind == "spark" else {"root": {"job": job, "run": run}}
        tag = {"key": "openlineage_client_version", "source": "OPENLINEAGE_CLIENT", "value": "1.54.0"}
        facets = {
            "parent": _facet(producer, _spec("1-2-0", "ParentRunFacet"), job=job, **root, run=run),
            "processing_engine": _facet(producer, _spec("1-1-1", "ProcessingEngineRunFacet"), **engine),
        }
        if kind != "spark":
            facets["tags"] = _facet(producer, _spec("1-0-0", "TagsRunFacet"), tags=[tag])
        if kind == "airflow":
            first, last = _iso(start - start % 3600), _iso(start - start % 3600 + (86400 if pipeline.hour else 3600))
            facets["nominalTime"] = _facet(
                AIRFLOW, _spec("1-0-1", "NominalTimeRunFacet"), nominalEndTime=last, nominalStartTime=first
            )
        elif kind == "dbt":
            name = pipeline.namespace
            facets["dbt_run"] = _facet(
                CLIENT,
                f"{DBT_SCHEMA}dbt-run-run-facet.json",
                dbt_runtime="core",
                invocation_id=self._run_id(start),
                profile_name=name,
                project_name=name,
                project_version="1.0",
            )
            facets["dbt_version"] = _facet(CLIENT, f"{DBT_SCHEMA}dbt-version-run-facet.json", version="1.11.16")
        else:
            properties = {"spark.master": "yarn", "spark.app.name": pipeline.name}
            facets["spark_properties"] = _facet(SPARK, RUN_FACET, properties=properties)
        return facets

    def _airflow(self, pipeline: Pipeline, job: Job, start: float, run_id: str) -> Raw:
        """Return Airflow's account of a task, which is new in each run and the same in all events of it."""
        dag, at = pipeline.name, _iso(start)
        task = job.name.rpartition(".")[2]
        operator = "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator"
        return _facet(
            AIRFLOW,
            RUN_FACET,
            dag={
                "dag_id": dag,
                "fileloc": f"/opt/airflow/dags/{dag}.py",
                "owner": "airflow",
                "owner_links": {},
                "start_date": "2025-01-01T00:00:00+00:00",
                "tags": "[]",
                "timetable": {},
                "timetable_summary": "0 3 * * *",
            },
            dagRun={
                "clear_number": 0,
                "conf": {},
                "dag_id": dag,
                "data_interval_end": at,
                "data_interval_start": at,
                "logical_date": at,
                "run_after": at,
                "run_id": f"scheduled__{at}",
                "run_type": "scheduled",
                "start_date": at,
            },
            task={
                "depends_on_past": False,
                "downstream_task_ids": "[]",
                "executor_config": {},
                "ignore_first_depends_on_past": False,
                "inlets": "[]",
                "mapped": False,
                "multiple_outputs": False,
                "operator_class": operator.rpartition(".")[2],
                "operator_class_path": operator,
                "operator_provider_version": "2.4.0",
                "outlets": "[]",
                "owner": "airflow",
                "priority_weight": 1,
                "queue": "default",
                "retries": 2,
                "retry_exponential_backoff": False,
                "task_id": task,
                "trigger_rule": "all_success",
                "upstream_task_ids": "[]",
                "wait_for_downstream": False,
                "wait_for_past_depends_before_skipping": False,
            },
            taskInstance={
                "log_url": f"https://airflow.acme.example/dags/{dag}/runs/scheduled__{at}/tasks/{task}?try_number=1",
                "try_number": 1,
            },
            taskUuid=run_id,
        )

    def _tell(self, run: _Run) -> None:
        """Put the events of one run among those that wait."""
        job = run.job
        rows = int(1000 * 10 ** self._random.uniform(0, 4))
        inputs = self._inputs(job, rows)
        outputs = self._outputs(job, None)
        if job.knows_late:
            self._arrive(run, "START", run.start, run.facets, [], [])
        else:
            self._arrive(run, "START", run.start, run.facets, inputs, outputs)
        if job.kind == "spark" and job.outputs and self._random.random() < RUNNING:
            details = _facet(SPARK, RUN_FACET, jobId=self._random.randrange(50))
            facets = {**run.facets, "spark_jobDetails": details}
            self._arrive(run, "RUNNING", (run.start + run.end) / 2, facets, inputs, outputs)
        if run.failed:
            facets = {**run.facets, "errorMessage": self._error(run)}
            self._arrive(run, "FAIL", run.end, facets, inputs, outputs)
        else:
            self._arrive(run, "COMPLETE", run.end, run.facets, inputs, self._outputs(job, rows))

    def _inputs(self, job: Job, rows: int) -> list[_Told]:
        """Return what the events of a run say about its inputs; a test says what came of it."""
        told = []
        for dataset in job.inputs:
            facets, own = dict(dataset.facets), {}
            if job.kind == "test":
                facets = own = {"dataQualityAssertions": self._assertions(dataset)}
            elif job.kind == "spark":
                facets["version"] = dataset.version
                own["inputStatistics"] = _facet(
                    SPARK,
                    _spec("1-0-0", "InputStatisticsInputDatasetFacet"),
                    size=rows * self._random.randint(40, 90),
                    fileCount=1 + rows // 1_000_000,
                )
            told.append(_Told(dataset, facets, own))
        return told

    def _outputs(self, job: Job, rows: int | None) -> list[_Told]:
        """Return what an event says about the outputs, before *rows* were written (None) or after it."""
        told = []
        for dataset in job.outputs:
            facets, own = dict(dataset.facets), {}
            if job.lineage and (job.kind == "spark" or rows is not None):
                facets["columnLineage"] = job.column_lineage
            if rows is not None:
                dataset.written += 1
                own["outputStatistics"] = _facet(
                    SPARK if job.kind == "spark" else AIRFLOW if job.kind == "airflow" else CLIENT,
                    _spec("1-0-2", "OutputStatisticsOutputDatasetFacet"),
                    rowCount=rows,
                    size=rows * self._random.randint(40, 90),
                )
                if job.kind == "spark":
                    facets["version"] = dataset.version
            told.append(_Told(dataset, facets, own))
        return told

    def _array(self, told: list[_Told], side: str, *, java: bool) -> Raw:
        texts = []
        for dataset, facets, own in told:
            members = {
                "namespace": json.dumps(dataset.namespace),
                "name": json.dumps(dataset.name),
                "facets": self._facets(facets, java=java),
                side: self._facets(own, java=java),
            }
            texts.append(_object(members, java=java))
        return f"[{(',' if java else ', ').join(texts)}]"

    def _assertions(self, dataset: Dataset) -> Raw:
        """Return the outcomes of dbt's tests of a table: as the last time, unless one fails."""
        table = dataset.name.rpartition(".")[2].lower()
        assertions = []
        for number, column in enumerate(dataset.columns[:3]):
            test = ("unique", "not_null", "accepted_values")[number]
            failures = self._random.randint(1, 500) if self._random.random() < FAILED else 0
            assertions.append(
                {
                    "actual": str(failures),
                    "assertion": test,
                    "column": column.name,
                    "expected": "0",
                    "name": f"{test}_{table}_{column.name}",
                    "params": {},
                    "severity": "error",
                    "success": not failures,
                }
            )
        return _facet(CLIENT, _spec("1-1-0", "DataQualityAssertionsDatasetFacet"), assertions=assertions)

    def _error(self, run: _Run) -> Raw:
        message = f"canceling statement due to statement timeout after {run.end - run.start:.3f} s"
        frame = '  File "/usr/lib/python3/site-packages/airflow/providers/common/sql/hooks/sql.py", line 849, in run\n'
        return _facet(
            AIRFLOW,
            _spec("1-0-1", "ErrorMessageRunFacet"),
            message=message,
            programmingLanguage="python",
            stackTrace=f"Traceback (most recent call last):\n{frame * 8}{message}\n",
        )

    def _arrive(
        self,
        run: _Run,
        event_type: str,
        at: float,
        facets: Mapping[str, Raw],
        inputs: list[_Told],
        outputs: list[_Told],
    ) -> None:
        job = run.job
        job_facets = dict(job.facets)
        if event_type == "START" and job.knows_late:
            job_facets.pop("sql", None)
        java = job.kind == "spark"
        about = {"namespace": json.dumps(job.namespace), "name": json.dumps(job.name)}
        members = {
            "eventTime": json.dumps(_iso(at)),
            "producer": json.dumps({"airflow": AIRFLOW, "spark": SPARK}.get(job.kind, DBT)),
            "schemaURL": json.dumps(RUN_EVENT),
            "eventType": json.dumps(event_type),
            "run": _object({"runId": json.dumps(run.run_id), "facets": self._facets(facets, java=java)}, java=java),
            "job": _object({**about, "facets": self._facets(job_facets, java=java)}, java=java),
            "inputs": self._array(inputs, "inputFacets", java=java),
            "outputs": self._array(outputs, "outputFacets", java=java),
        }
        value = _object(members, java=java).encode()
        late = self._random.uniform(1, 600) if self._random.random() < LATE else self._random.uniform(0, 1)
        heapq.heappush(self._waiting, _Arrival(at + late, next(self._number), value))
        if self._random.random() < DUPLICATE:
            again = at + late + self._random.uniform(0, 60)
            heapq.heappush(self._waiting, _Arrival(again, next(self._number), value))

    def _facets(self, facets: Mapping[str, Raw], *, java: bool) -> Raw:
        if not self._repetition:
            facets = {key: f'{{"nonce":{next(self._nonce)},{body[1:]}' for key, body in facets.items()}
        return _object(facets, java=java)

    def _run_id(self, at: float) -> str:
        """Return a UUID of version 7."""
        text = f"{int(at * 1000):012x}7{self._random.getrandbits(12):03x}{2 << 62 | self._random.getrandbits(62):016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds")


def write(
    out: BinaryIO, *, events: int | None = EVENTS, size: int | None = None, seed: int = 1, repetition: bool = True
) -> tuple[int, int]:
    """Write *events* events, or as many as fill *size* bytes; return how many events and bytes that were."""
    written = total = 0
    for value in Events(seed, repetition=repetition):
        if written == events or (size is not None and total >= size):
            break
        out.write(value)
        out.write(b"\n")
        written += 1
        total += len(value) + 1
    return written, total


def main() -> None:
    """Write a file of events."""
    parser = argparse.ArgumentParser(description="Makes OpenLineage events as a company's pipelines would send them.")
    parser.add_argument("out", metavar="OUT", help="an NDJSON file, or - for standard output")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--events", type=int, default=EVENTS, help=f"how many (default {EVENTS})")
    amount.add_argument("--gigabytes", type=float, help="as many as fill this")
    parser.add_argument("--seed", type=int, default=1, help="the source of all chance (default 1)")
    parser.add_argument("--no-repetition", action="store_true", help="make every facet a new one")
    arguments = parser.parse_args()
    size = None if arguments.gigabytes is None else int(arguments.gigabytes * 1e9)
    to_stdout = arguments.out == "-"
    with nullcontext(sys.stdout.buffer) if to_stdout else Path(arguments.out).open("wb", 1 << 20) as out:
        written, total = write(
            out,
            events=arguments.events if size is None else None,
            size=size,
            seed=arguments.seed,
            repetition=not arguments.no_repetition,
        )
    print(f"{written:,} events, {total / 1e6:,.1f} MB, {total / max(1, written):,.0f} bytes each", file=sys.stderr)


if __name__ == "__main__":
    main()
