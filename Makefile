# What developers and CI call. `make help` lists it. Everything installed stays inside the repository.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
PAGES := src/watchbell/api/static/index.html
TAG := src/watchbell/collector/static/watchbell.js
# The build's inputs: everything under web/ that is not installed or made.
WEB := $(shell find web -path web/node_modules -prune -o -type f -print 2>/dev/null | grep -v ' ')
ARGS ?=

.PHONY: help setup run test check bench format lock reference api-types scaffold clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 16

setup: .venv/.installed .venv/.package $(PAGES) $(TAG) ## install everything, build the pages and the tag; quick when nothing changed

run: setup ## start Watchbell with its data in ./watchbell-data (ARGS="--port 9000" for options)
	exec $(BIN)/watchbell up $(ARGS)

test: setup ## everything: every gate and every test in one run; ends with pytest's summary
	@scripts/ensure-servers
	@scripts/test $(ARGS)

check: setup ## the gates alone: style, types, layers, reference, pages
	@scripts/check

bench: setup ## the benchmarks, one after the other (ARGS="alerts_in" for one)
	@scripts/bench $(ARGS)

format: setup ## put the code into the common style
	$(BIN)/ruff check --fix-only --exit-zero --quiet .
	$(BIN)/ruff format .

lock: .venv/.installed ## write the lock files anew from pyproject.toml and web/package.json
	scripts/lock $(ARGS)

reference: setup ## write docs/reference/ from the code
	@$(BIN)/python scripts/reference

api-types: setup ## write the pages' types of what the API says, from the routes
	@scripts/api-types

scaffold: setup ## begin a plug-in: make scaffold kind=check name=tcp
	@$(BIN)/python scripts/scaffold $(kind) $(name)

clean: ## remove what was installed and built; data stays
	rm -rf .venv .kafka web/node_modules src/watchbell/api/static src/watchbell/collector/static dist build .pytest_cache .ruff_cache .hypothesis \
		.import_linter_cache
	find src tests scripts benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

.venv/.installed: requirements-dev.lock scripts/install-python
	@scripts/install-python "$(PYTHON)"
	@touch $@

# Editable, and again only when what describes the package changes: its dependencies are installed from the lock.
.venv/.package: pyproject.toml src/watchbell/__init__.py | .venv/.installed
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

web/node_modules/.installed: web/package-lock.json web/package.json web/.npmrc
	@scripts/install-web
	@touch $@

$(PAGES): web/node_modules/.installed $(filter-out web/package-lock.json web/.npmrc web/tag/%,$(WEB))
	@cd web && npm run --silent build -- --logLevel warn
	@touch $@

$(TAG): web/node_modules/.installed $(filter web/tag/%,$(WEB))
	@cd web && npm run --silent build:tag
	@touch $@
