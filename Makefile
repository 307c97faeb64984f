# The commands of this workbook: `make` lists them.
#
#   PYTHON    the Python (3.11 to 3.13) that .venv/ is made from:   make setup PYTHON=python3.12
#   SCENARIO  a name in data/scenarios/:                            make run SCENARIO=nur-unterschriebene
#   LANGUAGE  of lab and app, de or en:                             make app LANGUAGE=en
#   ARGS      passed on by run, test, round, lab, app, bench and lock:     make run ARGS="-p budget_eur=64000"

PYTHON   ?= python3
SCENARIO ?= baseline
ARGS     ?=
# Not from the environment: what a system keeps under this name (de_DE:en) is meant for other programs.
LANGUAGE := de
unexport LANGUAGE

BIN := .venv/bin
# Warnings are errors, in the notebooks' kernels too. One is left out: from Python 3.12 on, a kernel cannot start without it.
WARNINGS := error,ignore:There is no current event loop:DeprecationWarning:tornado.ioloop
# What was asked for by name; empty where `PYTHON` is only the default above. An environment that is there is kept then.
ASKED := $(if $(filter file,$(origin PYTHON)),,$(PYTHON))

# Runs under any Python, however old, and says in one line why it will not do.
define PROBE
import sys
version = "%d.%d" % sys.version_info[:2]
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("This is Python %s; Python 3.11, 3.12 or 3.13 is needed. Name one: make setup PYTHON=python3.12" % version)
try:
    import ensurepip, venv
except ImportError:
    sys.exit("This Python %s has no venv module (on Debian and Ubuntu: apt install python%s-venv)." % (version, version))
print(version)
endef
export PROBE

.DEFAULT_GOAL := help
.PHONY: help setup run test round lab app notebooks pictures check bench bench-panel bench-peers lock clean FORCE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: .venv/.stamp ## Make the environment in .venv/ from the lock (skipped when nothing has changed)
	@echo "The environment in .venv/ is ready."

run: .venv/.stamp ## Run the main job: notebooks, figures and tables into outputs/ (SCENARIO=..., ARGS=...)
	@$(BIN)/quartier run "$(SCENARIO)" $(ARGS)

test: .venv/.stamp ## Run all tests, the notebooks among them (warnings are errors; gets a browser where there is none)
	@$(BIN)/python tests/browser.py
	PYTHONWARNINGS="$(WARNINGS)" $(BIN)/python -m pytest -n 2 --dist loadscope --nbval notebooks tests $(ARGS)

round: .venv/.stamp ## Go from made-up reports to an updated plan and its papers, into outputs/vorfuehrung/
	@$(BIN)/quartier quality round $(ARGS)

lab: .venv/.stamp ## Open JupyterLab with the panel to try choices (LANGUAGE=en, ARGS=--no-browser)
	@$(BIN)/quartier lab --language "$(LANGUAGE)" $(ARGS)

app: .venv/.stamp ## Serve the panel as a page without code (LANGUAGE=en, ARGS="--port 8870 --visitors 4")
	@$(BIN)/quartier app --language "$(LANGUAGE)" $(ARGS)

notebooks: .venv/.stamp ## Execute the notebooks in place, after a change to the package or the data
	$(BIN)/python -c "from quartier import runs; runs.refresh()"

pictures: .venv/.stamp ## Take the pictures of the panel in docs/images/ anew, after a change to what it shows
	QUARTIER_PICTURES=write $(BIN)/python -m pytest -q -n 0 tests/test_pictures.py

check: .venv/.stamp ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy

bench: .venv/.stamp ## Measure import, loading and solving (ARGS=--run: a whole run too)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-panel: .venv/.stamp ## Measure how soon the live panel answers in JupyterLab and Voilà; needs Chromium (ARGS="--rounds 5 --write")
	@$(BIN)/python -m benchmarks.panel $(ARGS)

bench-peers: .venv-peers/.stamp ## Compare with other solvers, in .venv-peers/ (ARGS="--sizes 14 1000 --peers quartier pulp", --write)
	@.venv-peers/bin/python -m benchmarks.peers $(ARGS)

lock: ## Resolve requirements.lock again, with the tool uv in .venv-lock/ (ARGS=--upgrade: newest versions)
	"$(PYTHON)" -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet uv
	.venv-lock/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-header --quiet --output-file requirements.lock $(ARGS)

clean: ## Remove the environment and all caches; outputs/ stays
	rm -rf .venv .venv-lock .venv-peers .pytest_cache .mypy_cache .ruff_cache .hypothesis build quartier.egg-info
	find . -name outputs -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# The Python and the folder that .venv/ belongs to. Looked at each time, written only when the environment is made anew:
# another Python was asked for, its Python is gone, or the folder has moved (the scripts in it hold its path).
.venv/.python: FORCE
	@if [ -z "$(ASKED)" ] && [ -x $(BIN)/python ] && [ "$$(tail -n +2 $@ 2>/dev/null)" = "$$(pwd -P)" ]; then exit 0; fi; \
	command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here. Name a Python: make setup PYTHON=python3.12" >&2; exit 1; }; \
	version=$$("$(PYTHON)" -c "$$PROBE") || exit 1; \
	if [ -x $(BIN)/python ] && [ "$$(cat $@ 2>/dev/null)" = "$$(printf '%s\n' "$$version" "$$(pwd -P)")" ]; then exit 0; fi; \
	echo "Making .venv/ with Python $$version"; \
	rm -rf .venv && "$(PYTHON)" -m venv .venv && printf '%s\n' "$$version" "$$(pwd -P)" > $@

# Written last, so that a set-up that failed is taken up again.
.venv/.stamp: .venv/.python requirements.lock pyproject.toml
	@rm -f $@
	@echo "Installing from requirements.lock (a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What is locked stays as it is; the peers come on top of it.
.venv-peers/.stamp: requirements.lock pyproject.toml
	@rm -f $@
	@test -x .venv-peers/bin/python || "$(PYTHON)" -m venv .venv-peers
	@echo "Installing the lock and the peers into .venv-peers/ (a few minutes)"
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e ".[peers]"
	@touch $@

FORCE:
