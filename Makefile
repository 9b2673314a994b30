# One line per target: make help
PYTHON ?= python3
WORKERS ?= 2
BROWSER ?= yes
CHAIN ?= yes
PYTEST_ARGS ?=
LOCK_ARGS ?=

export PYTHON
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

BIN := .venv/bin
RUN_STAMP := .venv/.run
DEV_STAMP := .venv/.dev
SELECTION := not soak$(if $(filter no,$(BROWSER)), and not browser)$(if $(filter no,$(CHAIN)), and not chain)

.PHONY: help setup run test check format bench mutants soak docs lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- environments: a stamp each, so that a second call costs nothing; the developer's contains the other

$(RUN_STAMP): requirements-run.lock pyproject.toml .ci/install
	@.ci/install requirements-run.lock
	@touch $@

$(DEV_STAMP): requirements.lock pyproject.toml .ci/install
	@.ci/install requirements.lock
	@touch $@ $(RUN_STAMP)

# ---- use

setup: $(DEV_STAMP) ## make .venv with everything a developer needs (PYTHON=python3)

run: $(RUN_STAMP) ## replay the bundled recording and write its report
	@$(BIN)/underround replay --open

# ---- prove

test: $(DEV_STAMP) check ## run every check and every test (BROWSER=no, CHAIN=no, WORKERS=2, PYTEST_ARGS=)
	@if [ "$(BROWSER)" != no ]; then .ci/need-chromium; fi
	@if [ "$(CHAIN)" != no ]; then .ci/need-anvil; fi
	@.ci/need-oracles
	@.ci/need-kalshi-sdk
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "$(SELECTION)" $(PYTEST_ARGS)

check: $(DEV_STAMP) ## formatting, lint, types, floors, lock files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	.ci/check-locks

mutants: $(DEV_STAMP) ## break the source on purpose; every mutant must be caught
	$(BIN)/python -m tests.mutants

soak: $(DEV_STAMP) ## the long tests, with many more examples
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -m soak --timeout 0 $(PYTEST_ARGS)

bench: $(DEV_STAMP) ## measure what the speed claims rest on
	@.ci/need-oracles
	$(BIN)/python -m benchmarks

# ---- change

format: $(DEV_STAMP) ## format, and mend what ruff can mend safely
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: $(DEV_STAMP) ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# All groups first, then the run-time subset held to the same versions.
lock: ## rebuild the lock files (LOCK_ARGS=--upgrade for new versions)
	@uv=$$(command -v uv || echo $(BIN)/uv); [ -x "$$uv" ] || { echo "underround: make lock needs uv: make setup" >&2; exit 1; }; \
	compile() { "$$uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(LOCK_ARGS) "$$@" >/dev/null; }; \
	compile pyproject.toml --group dev --group docs -o requirements.lock; \
	compile pyproject.toml --group build -c requirements.lock -o requirements-run.lock; \
	compile --group install -o .ci/requirements-uv.lock; \
	compile tests/oracles/requirements.in -o tests/oracles/requirements.lock
	.ci/check-locks

clean: ## remove .venv, caches and builds; recordings and runs stay
	rm -rf .venv .venv-oracles tests/chain/node_modules build dist site htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
