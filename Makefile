# Everything sets itself up: `make demo` and `make test` need only Python 3.11+, git, make and PyPI.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# uv comes from PyPI where it is missing, into the same environment.
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-light proof check lint types fix bench bench-check bench-local bench-build bench-fleet bench-slim bench-torch bench-tricks soak fuzz fuzzer clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make the development environment in .venv

$(STAMP): pyproject.toml requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "hotpack needs Python 3.11 or newer; set PYTHON=…")'
	@test -x $(BIN)/pip || test -x "$(UV)" || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@test -x "$(UV)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(UV) pip install --quiet --python $(BIN)/python -r requirements-dev.txt -e .
	@touch $@

demo: $(STAMP) ## spaCy, too big for Lambda, in a local Lambda: three placements against the bare import
	@$(BIN)/python examples/demo.py

test: check ## every check: lint, types, tests (the same as check)

check: lint types ## exactly what CI runs
	$(BIN)/python -m pytest

test-light: $(STAMP) ## the tests without the heavy ones, which download hundreds of MB
	$(BIN)/python -m pytest -m "not heavy"

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin src/hotpack

fix: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove what was built here (not the cache of downloads)
	rm -rf $(VENV) examples/*/.hotpack .mypy_cache .pytest_cache .ruff_cache

bench: $(STAMP) ## cold starts of examples, each way to ship them; writes docs/cold-starts.md (an hour)
	$(BIN)/python benchmarks/cold_start.py examples/spacy examples/scikit-learn examples/tensorflow \
	  --markdown docs/cold-starts.md

bench-torch: $(STAMP) ## the same of PyTorch, where uv finds its CPU build
	$(BIN)/python benchmarks/cold_start.py examples/torch --markdown docs/cold-starts.md

bench-check: $(STAMP) ## fail where cold starts are worse than docs/cold-starts.md, as ratios
	$(BIN)/python benchmarks/cold_start.py examples/spacy examples/scikit-learn examples/tensorflow \
	  --check docs/cold-starts.md

bench-local: $(STAMP) ## what the local Lambda costs, and its CPU share; writes docs/local-lambda.md
	$(BIN)/python benchmarks/local_lambda.py --markdown docs/local-lambda.md

bench-build: $(STAMP) ## how long builds take, from nothing and after changes; writes docs/build-speed.md
	$(BIN)/python benchmarks/build.py --markdown docs/build-speed.md

bench-fleet: $(STAMP) ## many cold starts at once against S3's request rates, simulated; writes docs/fleet.md
	$(BIN)/python benchmarks/fleet.py --markdown docs/fleet.md

bench-tricks: $(STAMP) ## cold starts without each trick of the runtime; writes docs/performance.md
	$(BIN)/python benchmarks/tricks.py examples/spacy --place inline --markdown docs/performance.md
	$(BIN)/python benchmarks/tricks.py examples/spacy examples/scikit-learn examples/tensorflow \
	  --markdown docs/performance.md

bench-slim: $(STAMP) ## what slimming saves for six stacks; writes docs/slimming.md
	$(BIN)/python benchmarks/slim.py --markdown docs/slimming.md

proof: $(STAMP) ## that restored trees lose nothing, on the examples and more (half an hour); writes docs/proof.md
	$(BIN)/python benchmarks/proof.py --markdown docs/proof.md

SECONDS ?= 600

soak: $(STAMP) fuzzer ## faults, kills, fuzzing and load in their long form (half an hour); writes docs/reliability.md
	$(BIN)/python benchmarks/soak.py --seconds $(SECONDS) --markdown docs/reliability.md

fuzz: $(STAMP) fuzzer ## fuzz the readers of packs and manifests, for SECONDS=600
	$(BIN)/python benchmarks/fuzz.py --seconds $(SECONDS)

fuzzer: $(STAMP) # has wheels for Linux alone, up to Python 3.13
	@$(UV) pip install --quiet --python $(BIN)/python 'atheris>=3'
