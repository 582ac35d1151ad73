# The course, command by command: `make help` lists them. Every target is safe to repeat and says what it does.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
PACKAGE := $(shell find nnutils -name '*.py' -o -name '*.js' -o -name '*.css' -o -name '*.json') requirements.txt
GRADER := $(wildcard autograder/*.py autograder/templates/*) nbgrader_config.py
LAB_SOURCES := $(shell find solutions -type f -not -path '*/__pycache__/*' -not -path '*/.ipynb_checkpoints/*')
CHAPTERS := $(wildcard chapters/* chapters/api/*) intro.md references.bib _config.yml _toc.yml $(wildcard assets/*)

# One thread each: on a busy machine two are many times slower, and outputs reproduce better.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export NNUTILS_DEVICE ?= cpu
WORKERS ?= 2
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help course test setup setup-system book labs grade notebooks gpu benchmark accuracy mutants lint lock student clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

course: setup labs ## set up, render the website, make the labs, grade the sample class
	@# Both at a time: each works alone at its beginning and end. Through a pipe, so that lines come and no bars.
	@$(MAKE) --no-print-directory -j2 book grade 2>&1 | cat
	@echo "==> Done. Read:     _build/html/index.html"
	@echo "          Do:       labs/lab02_backprop/lab02_backprop.ipynb  (.venv/bin/jupyter lab labs)"
	@echo "          Grade:    _build/sample/report.html, the report of a class; its feedback pages are linked there"

test: setup lint book grade ## pass every test: code, notebooks, labs, website, class
	@echo "==> Testing the code, the labs, the class and the website"
	@python -m pytest -n 2 --dist loadfile tests/nnutils --cov
	@python -m pytest -n 2 --dist loadfile --ignore tests/nnutils --durations 25
	@echo "==> Running every notebook and comparing its outputs"
	@python -m tests.notebooks verify

setup: .venv/.done ## create .venv with the exact packages

.venv/.done: requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) found: install Python 3.11 or newer, or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: install Python 3.11 or newer, or say make PYTHON=/path/to/python"; exit 1; }
	@echo "==> Installing the packages into .venv (about 6 GB with CUDA, once; a few minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt | \
	  awk '/^Collecting/ {printf "\r    %d packages", ++n; fflush()} /^Installing collected/ {printf ", unpacking them\n"; fflush()}'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

setup-system: ## install what pip cannot bring: chromium, nodejs, bubblewrap, g++
	@sh tests/system.sh

book: setup _build/html/.done ## render the website, executing every cell

_build/html/.done: $(CHAPTERS) $(PACKAGE)
	@echo "==> Rendering the website (executes each chapter whose code has changed, half a minute each)"
	@jupyter-book build . --all -W --keep-going 2>&1 | sed -u -e '/copying images/d' -e '/IPKernelApp/d' -e '/^$$/d' || { \
	  echo "The website was not rendered: the first error or warning above says why (cells that raised: _build/html/reports)."; exit 1; }
	@touch $@

labs: setup _build/labs.done ## generate the students' labs from solutions/

_build/labs.done: $(LAB_SOURCES) $(GRADER) $(wildcard labs/*/*)
	@echo "==> Generating the labs"
	@python -m autograder release
	@mkdir -p _build && touch $@

grade: setup _build/sample/.done ## make and grade the sample class: gradebook, feedback, class report, grades.csv

_build/sample/.done: $(LAB_SOURCES) $(GRADER) $(PACKAGE)
	@echo "==> Grading the sample class"
	@python -m autograder sample --out _build/sample
	@touch $@

notebooks: setup ## execute chapters and solutions and store their normalised outputs
	@echo "==> Executing the notebooks"
	@python -m tests.notebooks write

gpu: setup ## run chapters and solutions on CUDA and compare the marks with the CPU's
	@python -m tests.gpu

benchmark: setup ## measure import, grading and training against what one would use instead (15 minutes)
	@python -c 'import lightning, keras, skorch' 2>/dev/null || python -m pip install --quiet --disable-pip-version-check lightning==2.6.6 keras==3.15.1 skorch==1.4.0 || \
	  echo "Lightning, Keras and skorch cannot be installed here: their rows are left out"
	@python -m benchmarks

accuracy: setup ## train the recipe for Fashion-MNIST and MNIST from five seeds (an hour), test it once
	@python -m benchmarks.accuracy test

mutants: setup ## change optim and init in one place at a time, see the tests fail (15 minutes; WORKERS=2)
	@python -c 'import cosmic_ray' 2>/dev/null || python -m pip install --quiet --disable-pip-version-check cosmic-ray==8.7.0
	@WORKERS=$(WORKERS) python -m tests.mutants

lint: setup ## check format, style and types
	@echo "==> Checking format, style and types"
	@ruff format --check --quiet . && ruff check --quiet . && mypy

lock: setup ## renew requirements.txt from pyproject.toml (needs uv)
	@sed -n '/^#/p' requirements.txt > _build/requirements.txt
	@uv pip compile --universal --all-extras --python-version 3.11 --no-annotate --no-header --upgrade pyproject.toml >> _build/requirements.txt
	@mv _build/requirements.txt requirements.txt

student: ## write the public tree, without solutions and grading, to _build/student
	@rm -rf _build/student && mkdir -p _build/student
	@git archive HEAD | tar -x -C _build/student --exclude=solutions --exclude=autograder --exclude=nbgrader_config.py --exclude=tests/labs --exclude=tests/autograder --exclude=tests/test_house.py
	@echo "==> Written to _build/student"

clean: ## delete what was built; never the grades of a real class
	@rm -rf _build .ruff_cache .mypy_cache .pytest_cache
