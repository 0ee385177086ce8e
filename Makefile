# Every target installs what it needs, once; `make check test` works from a clean clone.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3
# Where an environment has its programs.
PROGRAMS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := .venv/$(PROGRAMS)
PYTEST := $(BIN)/python -m pytest
PIP := -m pip -qq --disable-pip-version-check

# The releases that everything is tested with, for each group of dependencies: one that a stranger
# has made over night changes nothing here. `make constraints` moves to the newest, for every
# Python that is supported; `make newest` and CONSTRAINTS= (none) try the newest without moving.
CONSTRAINTS ?= constraints
GROUPS := dev oldest dpd django42
WITHIN_BUILD := $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)/build.txt)
within = $(if $(CONSTRAINTS),$\
	--constraint $(CONSTRAINTS)/$(1).txt --build-constraint $(CONSTRAINTS)/build.txt)

# Stamps: what they stand for is installed again only when its description has changed.
RUN := .venv/.run.stamp
DEV := .venv/.dev.stamp
NPM := node_modules/.stamp

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(RUN) ## run the demo, usage.py, on port 8050 (needs nothing but Python)
	@$(BIN)/python tools/open_page.py http://127.0.0.1:8050/ & $(BIN)/python usage.py

.PHONY: demo-django
demo-django: $(DEV) redis ## the Django example on Daphne, on port 8050
	@tools/demo_django.sh $(BIN)/python

.PHONY: install
install: $(DEV) $(NPM) ## everything that development needs, in .venv and node_modules

.PHONY: old
old: .venv-oldest/.stamp ## the oldest supported Dash, in .venv-oldest

.PHONY: dpd
dpd: .venv-dpd/.stamp ## django-plotly-dash with the Dash that it knows, in .venv-dpd

.PHONY: django42
django42: .venv-django42/.stamp ## what there is for Django, on the oldest that is supported
	.venv-django42/$(PROGRAMS)/python -m pytest tests/unit/test_django.py tests/unit/test_docs_django.py

.PHONY: unit
unit: install ## the fast tests: under a minute
	npm run coverage
	$(PYTEST) --numprocesses=2 --dist=loadfile tests/unit tests/fuzz

.PHONY: coverage
coverage: install ## the lines that the fast tests reach without chance; fails below the floor of a room
	npm run coverage
	$(BIN)/python -m coverage run -m pytest -m "not hypothesis" tests/unit
	$(BIN)/python -m coverage json --quiet -o - | $(BIN)/python tools/coverage.py

.PHONY: test
test: install old dpd chromium curl mosquitto nginx postgresql redis ## all tests, also in a browser: under 25 minutes
	$(MAKE) coverage
	$(MAKE) django42
	$(PYTEST) --numprocesses=2 --dist=loadfile

# The parts of `make test`, as CI runs them.
.PHONY: brokers
brokers: install old postgresql redis ## the tests of brokers and servers; REDIS_SERVER=valkey-server names another
	$(PYTEST) tests/brokers tests/server tests/conformance

.PHONY: browsers
browsers: install old dpd chromium curl mosquitto nginx redis ## the tests in a browser; SHARD=1/4 runs a quarter
	$(PYTEST) --numprocesses=2 --dist=loadfile tests/browser $(if $(SHARD),--shard=$(SHARD))

.PHONY: packaging
packaging: install chromium curl ## the tests of the wheel and the sdist; WHEEL=dist/... tests that wheel
	$(PYTEST) tests/packaging

.PHONY: schedules
schedules: install ## 10,000 new random schedules of each kind
	SEARCH=1 SCHEDULES=10000 $(PYTEST) tests/schedules

.PHONY: fuzz
fuzz: install ## 20,000 new mutated inputs of each kind; FUZZ=1000, FUZZ_SEED=1
	SEARCH=1 FUZZ=$(or $(FUZZ),20000) $(PYTEST) -s tests/fuzz

.PHONY: mutants
mutants: install ## faults, one at a time, that the schedules must find; ONLY="a word" of one
	cd tests && ../$(BIN)/python -m switched_off.kill $(if $(ONLY),"$(ONLY)")

.PHONY: nightly
nightly: schedules mutants fuzz attacks drives orders newest switched-off other-browsers ## the slow tests, which CI runs every night

.PHONY: drives
drives: install redis ## 10 minutes of faults on each deployment, and soaks; DRIVE_SECONDS=60, SOAK_SECONDS=60, DRIVE_SEED=1
	$(PYTEST) -s tests/drives

.PHONY: attacks
attacks: install redis ## silent browsers, floods, pollers and a fast source beside the others; ATTACK_SECONDS=10
	$(PYTEST) -s tests/attacks

.PHONY: other-browsers
other-browsers: install firefox webkit ## a burst, equal values and a restart in Firefox and WebKitGTK
	$(PYTEST) tests/other_browsers

.PHONY: orders
orders: install old postgresql redis ## the fast tests and those of servers, in several random orders
	for run in $$(seq $(or $(ORDERS),5)); do \
		SEARCH=1 $(PYTEST) --numprocesses=2 --dist=loadfile tests/unit tests/brokers tests/server; \
	done

.PHONY: newest
newest: old postgresql redis ## the fast tests and those of servers, on the newest releases
	rm -rf .venv-newest
	$(PYTHON) -m venv .venv-newest
	.venv-newest/$(PROGRAMS)/python $(PIP) install --upgrade pip
	.venv-newest/$(PROGRAMS)/python $(PIP) install --group dev --editable .
	.venv-newest/$(PROGRAMS)/python -m pip list
	.venv-newest/$(PROGRAMS)/python -m pytest tests/unit tests/brokers tests/server

.PHONY: constraints
constraints: ## the newest releases that fit, written to constraints/
	rm -rf .venv-constraints
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/$(PROGRAMS)/python $(PIP) install --upgrade pip
	.venv-constraints/$(PROGRAMS)/python $(PIP) install --group constraints
	.venv-constraints/$(PROGRAMS)/python tools/constraints.py $(GROUPS)

.PHONY: switched-off
switched-off: install chromium ## each mechanism switched off, to see its browser tests fail (25 minutes); ONLY="a word" of it
	cd tests && ../$(BIN)/python -m switched_off $(if $(ONLY),"$(ONLY)")

.PHONY: workflows
workflows: install ## lint the workflows, forms and hooks: .github and .pre-commit-config.yaml
	npm run lint:workflows
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/{bug,feature}.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --no-progress --quiet .github
	$(BIN)/pre-commit validate-config

.PHONY: structure
structure: install ## count rooms, arrows, floors, circles and long functions
	$(BIN)/python tools/structure.py --check

.PHONY: check
check: install workflows structure ## lint, format, types, bundle size, structure, and that the generated files are current
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	npm run lint
	npm run size
	$(BIN)/python tools/generated.py --check
	$(BIN)/python tools/outcomes.py --check

.PHONY: format
format: install ## format the code, and mend what the linters can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	npm run format

.PHONY: build
build: install ## the generated files: the JavaScript bundle, the component's Python class, a table of the docs
	$(BIN)/python tools/generated.py
	$(BIN)/python tools/outcomes.py

.PHONY: bench
bench: $(DEV) ## how fast messages fan out
	$(BIN)/python $(PIP) install $(call within,dev) --group bench || echo "picows is left out"
	$(BIN)/python benchmarks/fanout.py

.PHONY: pictures
pictures: $(DEV) chromium ## the pictures of the demo, docs/images/demo-*.png
	$(BIN)/python tools/pictures.py

.PHONY: wheel
wheel: $(DEV) ## the wheel and the sdist, in dist
	rm -rf build dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

.PHONY: try-wheel
try-wheel: ## install WHEEL=dist/... into a fresh environment and try it; needs nothing but Python
	$(PYTHON) tools/try_wheel.py $(WHEEL)

.PHONY: clean
clean: ## remove everything that make has made
	rm -rf .venv .venv-* node_modules build dist *.egg-info
	rm -rf .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: chromium curl firefox mosquitto nginx postgresql prometheus redis webkit
chromium curl firefox mosquitto nginx postgresql prometheus redis webkit:
	@tools/$@.sh

$(RUN): pyproject.toml setup.py package.json constraints/dev.txt constraints/build.txt
	@echo 'installing dash-pipe into .venv'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP) install --upgrade $(WITHIN_BUILD) 'pip>=25.3'
	@$(BIN)/python $(PIP) install $(call within,dev) --editable .
	@touch $@

$(DEV): $(RUN)
	@echo 'installing the tools of development into .venv'
	@$(BIN)/python $(PIP) install $(call within,dev) --group dev
	@touch $@

# An environment for each group of dependencies: .venv-dpd is for the group dpd.
.venv-%/.stamp: pyproject.toml setup.py package.json constraints/%.txt constraints/build.txt
	@echo 'installing the group $* into .venv-$*'
	@test -x .venv-$*/$(PROGRAMS)/python || $(PYTHON) -m venv .venv-$*
	@.venv-$*/$(PROGRAMS)/python $(PIP) install --upgrade $(WITHIN_BUILD) 'pip>=25.3'
	@.venv-$*/$(PROGRAMS)/python $(PIP) install $(call within,$*) --group $* --editable .
	@touch $@

$(NPM): package.json package-lock.json
	@echo 'installing node_modules'
	@npm ci --loglevel=error
	@touch $@
