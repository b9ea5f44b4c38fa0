# Two words do all the set-up: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SMALL := .venv-small
PIP := -m pip install --quiet --disable-pip-version-check -c constraints.txt
DEMO ?= demo
# Tests side by side, as many as there are processors; a process that has none left takes some of another's.
ABREAST := -n logical --dist worksteal

.PHONY: help run test test-all test-small lint format docs bench bench-gpu confine browser clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer expected, got " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --upgrade pip
	$(BIN)/python $(PIP) torch
	$(BIN)/python $(PIP) -e ".[train]" --group dev
	@touch $@

run: $(STAMP)  ## set up, start a run folder demo/ and run it; again: go on where it stopped
	@test -e $(DEMO) || $(BIN)/detent init $(DEMO)
	@$(BIN)/detent run $(DEMO)

test: $(STAMP)  ## lint, types, layers and all unmarked tests
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -q $(ABREAST) -m "not long"

test-all: $(STAMP)  ## the same, the long tests, and those of exports and trackers, whose packages it installs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cose,gym,inspect,mlflow,model-signing,nnsight,tensorboard,transformer-lens,wandb]'
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -q $(ABREAST)

test-small:  ## the package without its extra `train`, alone in a new environment: it checks and steers a run
	rm -rf $(SMALL)
	$(PYTHON) -m venv $(SMALL)
	$(SMALL)/bin/python $(PIP) .
	$(SMALL)/bin/python -P tests/small/check_small.py

lint: $(STAMP)  ## ruff, mypy, import layers
	$(BIN)/ruff check src tests benchmarks docs examples
	$(BIN)/ruff format --check src tests benchmarks docs examples
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## let ruff write the format
	$(BIN)/ruff check --fix src tests benchmarks docs examples
	$(BIN)/ruff format src tests benchmarks docs examples

docs: $(STAMP)  ## write the generated pages and parts anew
	$(BIN)/python docs/generate.py

bench: $(STAMP)  ## measure what docs/benchmarks.md states; resumable by arm and seed
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/ledger_bench.py --picture docs/ledger-growth.svg
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/memory.py

bench-gpu: $(STAMP)  ## on a GPU: speed and memory of a model of half a billion parameters with an adapter
	$(BIN)/python benchmarks/gpu.py
	$(BIN)/python benchmarks/throughput.py --device cuda --threads 2

confine:  ## Debian: install bubblewrap, so that workers run confined (needs root)
	apt-get update --quiet=2
	apt-get install --yes bubblewrap

browser:  ## Debian: install Chromium, in which the tests of `detent serve` look at its pages (needs root)
	apt-get update --quiet=2
	apt-get install --yes chromium

clean:  ## remove the virtual environment and caches, never a run folder
	rm -rf $(VENV) $(SMALL) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
