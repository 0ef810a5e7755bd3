# The course's commands. `make` alone prints them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Two tests run at once, so each takes one thread: two that share two threads slow each other down.
test: export OPENBLAS_NUM_THREADS ?= 1
test: export TF_NUM_INTRAOP_THREADS ?= 1

ONLY = $(if $(NOTEBOOK),--only '$(NOTEBOOK)')

.PHONY: help course full compare test test-browser lint check lab site outputs twice versions links doctor clean

help:
	@echo "make course   run the course: every notebook's sample edition, seven or eight minutes"
	@echo "make lab      open the notebooks in JupyterLab"
	@echo "make test     run the tests, and the notebooks' outputs against the committed ones"
	@echo "make check    lint, then test"
	@echo "make site     build the course as web pages, to be read with no network"
	@echo "make full     run the full edition on all of MNIST; writes results/"
	@echo "make compare  run the full edition again and say what moved against results/"
	@echo "make doctor   say what is missing or wrong here, and how to mend it"
	@echo "make outputs  refresh the notebooks' outputs, to be committed"
	@echo "make twice    run every cell twice in a row: a reader may do so, and none may stop"
	@echo "make versions write the versions of constraints.txt into the files for conda"
	@echo "make links    write the public address from pyproject.toml into the README and the notebooks"
	@echo "make test-browser  try JupyterLab, the site and TensorBoard in a real Chromium"
	@echo "make clean    remove what the commands above made"
	@echo "With NOTEBOOK=04 behind it, or NOTEBOOK=04,07, course, full, compare, outputs or twice run these alone."

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11, 3.12 or 3.13 is needed, {sys.executable} is {v[0]}.{v[1]}: try  make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --upgrade pip setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,site,browser]'
	@touch $@

course: $(READY)
	$(BIN)/python -m course run --edition sample $(ONLY)

full: $(READY)
	$(BIN)/python -m course run --edition full $(ONLY)

compare: $(READY)
	$(BIN)/python -m course compare --edition $(or $(EDITION),full) $(ONLY)

lab: $(READY)
	cd notebooks && ../$(BIN)/jupyter lab 00_start_here.ipynb

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-browser: $(READY)
	$(BIN)/python -m pytest -rs tests/browser

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check: lint test

site: $(READY)
	$(BIN)/python site/build.py build/site
	@echo "Open build/site/index.html"

doctor: $(READY)
	$(BIN)/python -m course doctor

outputs: $(READY)
	$(BIN)/python -m course outputs $(ONLY)

twice: $(READY)
	$(BIN)/python -m course twice $(ONLY)

versions: $(READY)
	$(BIN)/python -m course versions

links: $(READY)
	$(BIN)/python -m course links

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis
