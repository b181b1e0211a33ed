# Everything one does with this project; `make help` lists it.
.DEFAULT_GOAL := help

PYTHON ?= python3
# Another build of torch: make quickstart TORCH="torch==2.14.1", with whatever pip needs to find it.
TORCH ?= torch==2.13.0
# Where `make quickstart` writes its report.
OUT ?= quickstart

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CHOICE := $(VENV)/.torch
INSTALL := $(BIN)/python -m pip install --quiet

export TORCH
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Two test workers share two cores: one thread each, none spinning while it waits.
test format lint types layers docstrings spelling doctests docs fast slow torture: export OMP_NUM_THREADS := 1
test format lint types layers docstrings spelling doctests docs fast slow torture: export OMP_WAIT_POLICY := PASSIVE
test format lint types layers docstrings spelling doctests docs fast slow torture: export MPLBACKEND := Agg

.PHONY: help setup quickstart test format lint types layers docstrings spelling doctests docs \
        fast slow torture fix lock clean FORCE

help: ## List the targets.
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)$$/\1|\2/p' $(MAKEFILE_LIST) \
	    | while IFS='|' read -r name does; do printf '  %-11s %s\n' "$$name" "$$does"; done

setup: $(STAMP) ## Create .venv with the pinned dependencies and this package.

quickstart: $(STAMP) ## Walk the whole road on simulated data and write quickstart/report.html.
	$(BIN)/unclicked quickstart --out $(OUT)

test: $(STAMP) ## Run every check and the fast tests.
	@$(MAKE) --no-print-directory format
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory layers
	@$(MAKE) --no-print-directory docstrings
	@$(MAKE) --no-print-directory spelling
	@$(MAKE) --no-print-directory doctests
	@$(MAKE) --no-print-directory docs
	@$(MAKE) --no-print-directory fast

format: $(STAMP) ## Check the format of the code (ruff format).
	@echo "== format: is the code laid out as ruff would?"
	@$(BIN)/ruff format --check .

lint: $(STAMP) ## Check the code for mistakes (ruff check).
	@echo "== lint: names, imports, complexity, dangerous calls"
	@$(BIN)/ruff check .

types: $(STAMP) ## Check the types (mypy --strict).
	@echo "== types: mypy --strict on src"
	@$(BIN)/mypy

layers: $(STAMP) ## Check that imports go down only (import-linter).
	@echo "== layers: imports go down only"
	@$(BIN)/lint-imports

docstrings: $(STAMP) ## Check docstrings against signatures (pydoclint).
	@echo "== docstrings: do they name the arguments that exist?"
	@$(BIN)/pydoclint --quiet src

spelling: $(STAMP) ## Check the spelling (codespell).
	@echo "== spelling: common misspellings"
	@$(BIN)/codespell

doctests: $(STAMP) ## Run the examples in the docstrings.
	@echo "== doctests: the examples in the docstrings"
	@$(BIN)/python -m pytest --quiet --doctest-modules src

# From nothing each time: parts of the pages are made from the code, which Sphinx does not watch.
docs: $(STAMP) ## Build the documentation into site/; a warning is an error.
	@echo "== docs: does every page build, and is nothing it names missing?"
	@rm -rf site
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env \
	    --doctree-dir site/.doctrees docs site

fast: $(STAMP) ## Run the fast tests alone.
	@echo "== fast: all tests but the slow ones"
	@$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --durations 5

slow: $(STAMP) ## Run the slow tests.
	@echo "== slow: the long tests"
	@$(BIN)/python -m pytest -m slow --durations 5

# NAMES="rows fuzz" runs some of them; their list: .venv/bin/python -m torture --help
torture: $(STAMP) ## Hurt the software on purpose, in minutes; LONG=1 takes hours.
	@$(BIN)/python -m torture $(NAMES) $(if $(LONG),--long) $(if $(JSON),--json $(JSON))

fix: $(STAMP) ## Repair what ruff can repair, then format.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(STAMP) ## Pin the newest dependencies: requirements/lock.in -> requirements/lock.txt.
	$(INSTALL) pip-tools==7.6.2
	cd requirements && CUSTOM_COMPILE_COMMAND="make lock" ../$(BIN)/pip-compile --quiet --upgrade \
	    --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links \
	    --no-emit-trusted-host --no-emit-options --output-file lock.txt lock.in

clean: ## Remove .venv, caches and what quickstart wrote.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache \
	    build dist site $(OUT)
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The lock comes first, so that torch finds its own small dependencies there, pinned and hashed.
$(STAMP): requirements/lock.txt pyproject.toml $(CHOICE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
	    found="$$($(PYTHON) --version 2> /dev/null || echo missing)"; \
	    echo "Python 3.11 or newer is needed, but '$(PYTHON)' is $$found." \
	         "Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv $(VENV) || { \
	    echo "'$(PYTHON) -m venv' failed: does this Python have its venv module" \
	         "(Debian: the package python3-venv)?" >&2; exit 2; }
	@echo "== installing the pinned dependencies into $(VENV)"
	@$(INSTALL) --require-hashes --no-deps -r requirements/lock.txt
	@echo "== installing $$TORCH"
	@$(INSTALL) $$TORCH
	@echo "== installing this package in place"
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# Rewritten only when TORCH changes, so that the same choice installs nothing again. A build that
# is there goes first: pip would take it for the one that is asked for.
$(CHOICE): FORCE
	@mkdir -p $(VENV)
	@printf '%s\n' "$$TORCH" | cmp -s - $@ || { \
	    test ! -e $@ || $(BIN)/python -m pip uninstall --quiet --yes torch || true; \
	    printf '%s\n' "$$TORCH" > $@; }
