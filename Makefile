# From Pixels to Prompts. `make book` and `make test` do all the set-up they need.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help book test notebooks weights bench serve lint clean lock

help:  ## Show what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 18

# Debian and Ubuntu keep Python's venv in a package of its own; root may install it.
VENV_PACKAGE := $(notdir $(PYTHON))-venv
APT_VENV := test $$(id -u) = 0 && apt-get update -qq && \
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(VENV_PACKAGE) > /dev/null

# torch first and by itself, so that pip brings the build and the libraries of this machine;
# everything else exactly as locked, and without torchvision, which nothing here needs.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed, $$($(PYTHON) --version) was found: try make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { $(APT_VENV) && $(PYTHON) -m venv $(VENV); } || \
	  { echo "Python's venv is missing: sudo apt install $(VENV_PACKAGE), then give the command again"; exit 1; }
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' requirements.lock)"
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $(READY)

book: $(READY)  ## Build the website from the stored notebooks
	$(BIN)/jupyter-book build . -W --keep-going --all
	@echo
	@echo "The site is built. Open _build/html/index.html in a browser, or run: make serve"

test: $(READY)  ## Run everything: unit tests, notebooks, site; COMPLETE=1 fails if any is left out
	$(BIN)/python tests/run.py --jobs $(JOBS) $(if $(COMPLETE),--complete)

notebooks: $(READY)  ## Write the notebooks from book/, execute what changed
	$(BIN)/python -m mvlm notebooks

weights: $(READY)  ## Train, measure and describe every finished model again (hours on two cores)
	$(BIN)/python -m mvlm weights

bench: $(READY)  ## Measure beside timm, transformers, open_clip; TASK=vit for one
	$(BIN)/python benchmarks/speed.py $(TASK)
	$(BIN)/python benchmarks/page.py && $(BIN)/python benchmarks/plan.py > /dev/null

serve: book  ## Build the site and show it at http://localhost:8000
	$(BIN)/python -m http.server --directory _build/html 8000

lint: $(READY)  ## Check the code's style
	$(BIN)/ruff check mvlm tests benchmarks book/_site
	$(BIN)/ruff format --check mvlm tests benchmarks book/_site

lock:  ## Make requirements.lock again from pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --no-header --no-annotate \
	  --no-emit-index-url --quiet --upgrade -o requirements.lock
	sed -i.bak "/'never'/d" requirements.lock && rm requirements.lock.bak

clean:  ## Remove the site and caches; the environment stays
	rm -rf _build .pytest_cache .ruff_cache .hypothesis book/_site/vendor
