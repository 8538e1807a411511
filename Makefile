# Verbs only; `make help` lists them. Everything runs in .venv, which the first verb that needs it creates.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OLDEST := .venv-oldest
BESIDE := --numprocesses auto  # tests that need no broker run beside each other
COMPOSE := docker compose --file docker/compose.yaml

.PHONY: help demo up down test test-oldest test-fast lint types check bench bench-freshness bench-rca fuzz soak lock audit docs \
	clean

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

CORE := core/Cargo.toml core/Cargo.lock $(wildcard core/src/*.rs)

$(READY): pyproject.toml requirements.lock $(CORE)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: $(READY)  ## replay a broken pipeline and name the table to blame
	$(BIN)/headwater demo

up:  ## the same story live: Kafka, the sidecar and a producer in containers
	$(COMPOSE) up --build --detach --wait kafka sidecar
	$(COMPOSE) run --rm producer
	@sleep 3  # what was written last is published within a second or two
	$(COMPOSE) exec sidecar headwater status
	$(COMPOSE) exec sidecar headwater root-cause dim_customers --field customer_id

down:  ## end what `make up` began, and remove its store
	$(COMPOSE) down --volumes

test: $(READY) check  ## run all checks and the whole suite, the fast tests first
	$(BIN)/pytest $(BESIDE) tests/unit tests/sql
	$(BIN)/pytest $(BESIDE) -m "not kafka" tests --ignore tests/unit --ignore tests/sql
	$(BIN)/pytest -m kafka

test-oldest: pyproject.toml requirements.lock  ## run the tests of the store on the oldest DuckDB that we support
	test -d $(OLDEST) || $(PYTHON) -m venv $(OLDEST)
	grep -v '^duckdb==' requirements.lock > $(OLDEST)/requirements.txt
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check --requirement $(OLDEST)/requirements.txt duckdb==1.5.6
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(OLDEST)/bin/pytest $(BESIDE) -m "not kafka" tests/sql tests/stories tests/acceptance tests/unit/test_publish.py

test-fast: $(READY)  ## run what needs no broker and little time
	$(BIN)/pytest $(BESIDE) -m "not kafka and not slow" tests/unit tests/stories

check: $(READY) lint types

lint: $(READY)  ## check style
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	! cargo fmt --version >/dev/null 2>&1 || cargo fmt --manifest-path core/Cargo.toml --check
	! cargo clippy --version >/dev/null 2>&1 || cargo clippy --quiet --release --manifest-path core/Cargo.toml

types: $(READY)  ## check types
	$(BIN)/mypy consumer
	@mkdir -p .cache/types && ln -sfn ../../consumer .cache/types/headwater
	MYPYPATH=.cache/types:tests $(BIN)/mypy tests

bench: $(READY)  ## measure replay and consume against the bare minimum
	$(BIN)/python tests/benchmarks/bench.py

fuzz: $(READY)  ## send a million broken events through decoding, folding and writing
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement tests/fuzz/requirements.txt
	$(BIN)/python tests/fuzz/fuzz.py --runs 1000000

bench-freshness: $(READY)  ## measure how long an event takes to the readers of the published file
	$(BIN)/python tests/benchmarks/freshness.py

bench-rca: $(READY)  ## measure root causes on the benchmark beside the project, each kind of evidence left out in turn; takes long
	$(BIN)/python tests/benchmarks/rca.py --baselines --ablate

soak: $(READY)  ## kill the sidecar a few hundred times while a producer writes, then watch its memory for an hour
	$(BIN)/pytest tests/integration/test_kill.py --kills 300 --timeout 7200
	$(BIN)/python tests/benchmarks/freshness.py --soak 60

audit: $(READY)  ## look for known vulnerabilities of what we depend on
	test -d .cache/audit || $(PYTHON) -m venv .cache/audit
	.cache/audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	.cache/audit/bin/pip-audit --strict --requirement requirements.lock --no-deps --disable-pip

docs: $(READY)  ## write the parts of the documentation that come from the code
	$(BIN)/python tests/docs.py

lock:  ## resolve the development dependencies anew
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --quiet --output-file requirements.lock

clean:  ## remove what the other verbs made
	rm -rf $(VENV) $(OLDEST) .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
