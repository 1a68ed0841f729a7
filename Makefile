# make run    set up, build a snapshot from seeds/, serve it
# make test   set up, check format, lint and types, run every test, print the coverage
# make check  the same without the coverage
# make docs   build the documentation into site/

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
SNAPSHOTS ?= snapshots

BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run build serve gates test check format docs clean

help:
	@sed -n 's/^# //p' Makefile

# Everything is pinned by constraints.txt; anew only when what is pinned has changed.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

setup: $(READY)

build: $(READY)
	$(BIN)/related-papers build seeds --snapshots $(SNAPSHOTS)

serve: $(READY)
	$(BIN)/related-papers serve --host $(HOST) --port $(PORT) --snapshots $(SNAPSHOTS)

# Nothing is embedded twice: a second build of the same seeds takes its vectors from the cache.
run: build
	$(BIN)/related-papers serve --host $(HOST) --port $(PORT) --snapshots $(SNAPSHOTS)

# The quick gates, which run before the tests
gates: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The coverage is printed and is no gate
test: gates
	$(BIN)/python -m pytest --cov=embeddings --cov=service --cov-report=term:skip-covered

check: gates
	$(BIN)/python -m pytest

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Written from the code and the results first; a broken link or an unknown name stops the build.
docs: $(READY)
	$(BIN)/python -m docs.generate
	$(BIN)/python -m benchmarks.report
	$(BIN)/zensical build --strict --clean

clean:
	rm -rf site .cache .venv snapshots .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
