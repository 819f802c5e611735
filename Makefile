# Everything needs only Python 3.11 or newer, make and git. `make` alone lists the targets.

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EDITOR := web/static/built/editor.js
# Tests with real processes wait half of their time: four workers keep two cores busy (tests/support/lanes.py).
WORKERS ?= 4
TYPED := dsl engine workflows web worker.py
COMPILE := $(BIN)/python -m uv pip compile pyproject.toml --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --quiet

# Images of containers often forbid it; without bytecode every one of the many processes here compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup test test-deep demo dev lint format licences notice wheel editor lock bench clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(STAMP) ## virtual environment from the pinned lock, with the command .venv/bin/coldframe

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Coldframe needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' || { echo "this Python has no venv module; on Debian: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

test: $(STAMP) ## all tests; if up to three files fail while both cores are busy, they get a second try, alone and told
	@$(BIN)/python -m tests.support.rewritten
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder || .ci/again $$?

test-deep: $(STAMP) ## the properties alone, each with over thirty times as many random examples
	$(BIN)/python -m pytest -q -n 2 -m hypothesis --hypothesis-profile deep --timeout 3600

demo: $(STAMP) ## the whole story on real parts, in under two minutes
	$(BIN)/coldframe demo

dev: $(STAMP) ## the same stack, and it stays
	$(BIN)/coldframe dev

lint: $(STAMP) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict $(TYPED)

licences: $(STAMP) ## fail if a dependency has a licence that is not allowed
	$(BIN)/python .ci/licences.py

notice: $(STAMP) ## write NOTICE again, after a dependency has come or gone
	$(BIN)/python .ci/licences.py --notice >NOTICE.new && mv NOTICE.new NOTICE

editor: ## build the editor of the desk's pages for writing (needs npm; without it they have a plain field)
	@command -v npm >/dev/null && $(MAKE) --no-print-directory $(EDITOR) \
		|| { ! command -v npm >/dev/null && echo "npm is not installed; the desk's pages for writing have a plain field"; }

$(EDITOR): $(addprefix editors/browser/,package-lock.json build.mjs editor.js)
	cd editors/browser && npm ci --silent && npm run --silent build

wheel: $(STAMP) ## build the wheel and try it in a fresh environment
	.ci/wheel

format: $(STAMP) ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(STAMP) ## pin every dependency again, with hashes
	$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	$(COMPILE) --all-extras --output-file requirements.lock
	$(COMPILE) --constraint requirements.lock --output-file requirements-production.lock

bench: $(STAMP) ## the reference journey against its floor
	$(BIN)/python -m bench.journey

clean: ## remove what was installed and cached; the data under .coldframe stays
	rm -rf $(VENV) *.egg-info build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
