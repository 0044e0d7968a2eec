# Two commands matter: `make book` and `make test`. Each first makes .venv from requirements.lock if need be.
PYTHON ?= python3
TIER ?= quick
# Processes of `make book`, one thread each; empty for all cores.
export CORES ?=

PY := .venv/bin/python

# One thread per process; Snakemake and the test runner start the processes.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1
export OPENCV_FOR_THREADS_NUM := 1
# What programs would write into the home folder goes into .cache instead.
export IPYTHONDIR := $(CURDIR)/.cache/ipython
export JUPYTER_CONFIG_DIR := $(CURDIR)/.cache/jupyter/config
export JUPYTER_DATA_DIR := $(CURDIR)/.cache/jupyter/data
export JUPYTER_RUNTIME_DIR := $(CURDIR)/.cache/jupyter/runtime
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib
export MPLBACKEND ?= Agg
export PYTHONNOUSERSITE := 1
# What is imported is compiled once and kept, in whatever shell make is called.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help book full labs test lint clean venv

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' Makefile
	@echo "  TIER=smoke|quick|full sizes the runs of the book (now $(TIER)); CORES=... limits its processes (all cores);"
	@echo "  PYTHON=... makes .venv (now $(PYTHON))"

book: venv ## run what is missing or stale, build the book, print the path of its first page
	@XDG_CACHE_HOME="$(CURDIR)/.cache" $(PY) tools/build_book.py $(TIER)

full: venv ## compute all records of tier full, keep them under results/ and build the book from them
	@XDG_CACHE_HOME="$(CURDIR)/.cache" $(PY) tools/build_book.py full records
	@$(PY) tools/keep_records.py full
	@XDG_CACHE_HOME="$(CURDIR)/.cache" $(PY) tools/build_book.py full

labs: venv ## write the students' notebooks and the slides of the labs, below labs/
	@$(PY) tools/make_labs.py

test: venv ## run the tests, two processes of one thread each
	@$(PY) -m pytest --numprocesses 2

lint: venv ## check style, prose, and that generated files agree with their sources
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@.venv/bin/lint-imports --no-logo --no-cache
	@$(PY) tools/pair_notebooks.py --check
	@$(PY) tools/playground_cases.py --check
	@$(PY) tools/make_labs.py --check
	@$(PY) tools/make_findings.py --check
	@$(PY) tools/check_prose.py

clean: ## delete what was generated; .venv stays
	@rm -rf _build book/runs labs/student labs/slides .cache .snakemake .pytest_cache .ruff_cache .hypothesis build dist out

venv:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "no program '$(PYTHON)': install Python 3.11 or newer, or name yours with 'make PYTHON=...'" >&2; exit 1; }
	@$(PYTHON) tools/make_venv.py
