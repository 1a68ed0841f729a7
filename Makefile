# make run    set up, build a snapshot from seeds/, serve it
# make test   set up, run every test
# make check  what a change must pass: format, lint, types, tests
# make docs   build the documentation into site/

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
SNAPSHOTS ?= snapshots

BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run build serve test check format docs clean

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

test: $(READY)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
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
	rm -rf site .cache .venv snapshots .mypy_cache .ruff_cache .pytest_cache .hypothesis
