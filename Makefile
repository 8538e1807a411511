# Verbs only; `make help` lists them. Everything runs in .venv, which the first verb that needs it creates.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OLDEST := .venv-oldest

.PHONY: help demo test test-oldest test-fast lint types check bench soak lock docs clean

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: $(READY)  ## replay a broken pipeline and name the table to blame
	$(BIN)/headwater demo

test: $(READY) check  ## run all checks and the whole suite, the fast tests first
	$(BIN)/pytest tests/unit tests/sql
	$(BIN)/pytest tests --ignore tests/unit --ignore tests/sql

test-oldest: pyproject.toml requirements.lock  ## run the tests of the store on the oldest DuckDB that we support
	test -d $(OLDEST) || $(PYTHON) -m venv $(OLDEST)
	grep -v '^duckdb==' requirements.lock > $(OLDEST)/requirements.txt
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check --requirement $(OLDEST)/requirements.txt duckdb==1.5.6
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(OLDEST)/bin/pytest -m "not kafka" tests/sql tests/stories tests/acceptance tests/unit/test_publish.py

test-fast: $(READY)  ## run what needs no broker and little time
	$(BIN)/pytest -m "not kafka and not slow"

check: $(READY) lint types

lint: $(READY)  ## check style
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)  ## check types
	$(BIN)/mypy consumer
	@mkdir -p .cache/types && ln -sfn ../../consumer .cache/types/headwater
	MYPYPATH=.cache/types:tests $(BIN)/mypy tests

bench: $(READY)  ## measure replay and consume against the bare minimum
	$(BIN)/python tests/benchmarks/bench.py

soak: $(READY)  ## kill the sidecar a few hundred times while a producer writes
	$(BIN)/pytest tests/integration/test_kill.py --kills 300 --timeout 7200

docs: $(READY)  ## write the parts of the documentation that come from the code
	$(BIN)/python tests/docs.py

lock:  ## resolve the development dependencies anew
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --quiet --output-file requirements.lock

clean:  ## remove what the other verbs made
	rm -rf $(VENV) $(OLDEST) .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
