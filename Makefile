# Runs every chore of the project by name; make help lists them.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast check bench bench-compare torture backlog features samples lock clean torture-cuts torture-disk torture-floods torture-mutations torture-order simulate

# The first Python that runs here with 3.11 or newer: a shim for a version that is absent does not.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)
ARGS ?= --sandbox --data .data
PYTEST_ARGS ?=
ONLY ?=
KILLS ?= 0
OUTAGE ?= 0
STORM ?= 0
BACKLOG ?= 0
SEED ?= 1
JOBS ?= 2
ENGINE ?= embedded
UPGRADE ?=

BIN := .venv/bin
UV := .tools/bin/uv
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export UV_PYTHON_DOWNLOADS := never

# Installs with uv where it is, with pip otherwise; both check every hash of the same lock files.
# Bytecode is compiled at once: where Python may not write it, every start would compile SQLAlchemy anew.
INSTALL = if [ -x $(UV) ]; then $(UV) pip install --compile-bytecode --python $(BIN)/python $(1); \
	else $(BIN)/python -m pip install $(1); fi
PYTEST = $(BIN)/python -m pytest --numprocesses auto --dist loadgroup --junitxml .reports/junit.xml $(PYTEST_ARGS)
SERVICES := kafka or postgres or imap or browser or slow

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: .venv/.hub ## Install what the hub runs with; leaves the command at .venv/bin/hub
	@echo "ready: $(BIN)/hub"

run: .venv/.hub ## Start the hub with simulated providers; ARGS="..." replaces --sandbox --data .data
	@exec $(BIN)/hub run $(ARGS)

test: .venv/.hub .venv/.dev ## Run every test; PYTEST_ARGS="..." adds to pytest's
	@mkdir -p .reports
	@$(PYTEST)

test-fast: .venv/.hub .venv/.dev ## Run the tests that need no service, under a minute
	@mkdir -p .reports
	@$(PYTEST) -m "not ($(SERVICES))"

check: .venv/.hub .venv/.dev ## Check style, types, import contracts, generated files
	@echo "check 1/6: ruff check" && $(BIN)/ruff check
	@echo "check 2/6: ruff format" && $(BIN)/ruff format --check
	@echo "check 3/6: mypy --strict (a minute when its cache is empty)" && $(BIN)/mypy
	@echo "check 4/6: import contracts" && $(BIN)/lint-imports --no-logo
	@echo "check 5/6: published schemas" && $(BIN)/python -m schemas.publish --check
	@echo "check 6/6: feature page" && $(BIN)/python -m tests.features.render --check

torture-cuts: .venv/.hub .venv/.dev ## Cut the power of recorded hubs; CUTS=10000 SEED=1, figures to docs/figures/power_cuts.json
	@$(BIN)/python -m tests.support.power --cuts $(or $(CUTS),10000) --seed $(or $(SEED),1) --keep

torture-disk: .venv/.hub .venv/.dev ## Let each sync, each write fail once; FIRST=1 LAST=200 STEP=1, figures to docs/figures/disk_faults.json
	@$(BIN)/python -m tests.support.disk_torture --first $(or $(FIRST),1) --last $(or $(LAST),200) --step $(or $(STEP),1) --keep

bench: .venv/.hub .venv/.dev ## Measure the hub beside baselines into docs/figures/bench.json; ONLY=intake,drain runs single ones
	@$(BIN)/python -m tests.benchmarks --only "$(ONLY)"

bench-compare: .venv/.hub .venv/.dev ## Measure again, tell what changed since the last commit's figures; ONLY=... as above
	@$(BIN)/python -m tests.benchmarks --compare --only "$(ONLY)"

torture: .venv/.hub .venv/.dev ## Break the hub on purpose: KILLS=2000, STORM=1000000, BACKLOG=1000000; ENGINE=scale KILLS=500 or OUTAGE=600; SEED=... repeats
	@$(BIN)/python -m tests.reliability --engine $(ENGINE) --seed $(SEED) --jobs $(JOBS) \
		--kills $(KILLS) --outage $(OUTAGE) --storm $(STORM) --backlog $(BACKLOG)
torture-floods: .venv/.hub .venv/.dev ## Attack the real process with every flood at full size into docs/figures/floods.json
	@$(BIN)/python -m tests.reliability.floods

torture-mutations: .venv/.hub .venv/.dev ## Deliver recorded payloads broken at random; MUTATIONS=10000 for each connector
	@HUB_TEST_MUTATIONS=$(or $(MUTATIONS),10000) $(BIN)/python -m pytest -q -n $(JOBS) tests/pipeline/ingest/test_mutations.py

torture-order: .venv/.hub .venv/.dev ## Play a thousand items of each Meta connector in ORDERS=100 orders on both engines, figures to docs/figures/any_order.json
	@$(BIN)/python -m tests.pipeline.ingest.order_torture --orders $(or $(ORDERS),100) --seed $(SEED) --keep

simulate: .venv/.hub .venv/.dev ## Run SEEDS=1000 seeds of the simulated hub from FIRST=1 on; SEED=n replays one
	@$(BIN)/python -m tests.simulation $(if $(filter command environment,$(origin SEED)),--seed $(SEED),--seeds $(or $(SEEDS),1000) --first $(or $(FIRST),1))

backlog: .venv/.hub .venv/.dev ## Drain a journal of 100,000 deliveries, showing speed with memory
	@$(BIN)/python -m tests.benchmarks.ingest_backlog

features: .venv/.dev ## Rewrite docs/features.md from the last full test run
	@$(BIN)/python -m tests.features.render

samples: .venv/.hub .venv/.dev ## Rewrite what is generated from code: published schemas, events beside recorded payloads
	@$(BIN)/python -m schemas.publish
	@env -u HUB_KAFKA_TOPIC_PREFIX $(BIN)/hub topics asyncapi > docs/asyncapi.json
	@$(BIN)/python -m tests.connectors.samples

# Names no address: whoever installs asks the index that their own machine is set to.
COMPILE = $(UV) pip compile --universal --python-version 3.11 --generate-hashes --quiet $(UPGRADE) \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links
# What the resolver writes keeps the comments that stood there, the title among them.
TITLE = { printf '\043 %s\n' '$(2)'; grep -v '^\#' $(1); } > $(1).new && mv $(1).new $(1)

lock: .tools/.ready ## Resolve the four lock files again; UPGRADE=-U takes newer versions
	@[ -x $(UV) ] || { echo "make lock needs uv, which could not be installed (see make setup)" >&2; exit 1; }
	@echo "lock 1/4: requirements.lock" && $(COMPILE) pyproject.toml -o requirements.lock
	@$(call TITLE,requirements.lock,Pins the libraries that the hub runs with.)
	@echo "lock 2/4: requirements-dev.lock" && $(COMPILE) pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock
	@$(call TITLE,requirements-dev.lock,Pins the libraries that the tests run with: those of the hub plus their own.)
	@echo "lock 3/4: build.lock" && printf 'hatchling\neditables\n' | $(COMPILE) - -o build.lock
	@$(call TITLE,build.lock,Pins what builds the hub itself.)
	@echo "lock 4/4: tools.lock" && printf 'uv\n' | $(COMPILE) - -o tools.lock
	@$(call TITLE,tools.lock,Pins the installer.)
	@if grep -n '://' *.lock; then echo "a lock file names an address" >&2; exit 1; fi

clean: ## Remove what the other targets made, but never .data
	rm -rf .venv .tools .reports .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: each step runs again only when its lock file is newer.
.tools/.ready: tools.lock
	@[ -n "$(PYTHON)" ] || { echo "no Python 3.11 or newer on PATH; install one, or say make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is older than 3.11 or lacks the venv module (on Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "setup: tools, with $(PYTHON)"
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --require-hashes -r tools.lock || echo "setup: uv is not to be had here, pip does it slower"
	@touch $@

.venv/.runtime: requirements.lock build.lock .tools/.ready
	@echo "setup: libraries of the hub (seconds with uv, a minute with pip)"
	@$(BIN)/python -c '' 2>/dev/null || .tools/bin/python -m venv --clear --without-pip .venv
	@[ -x $(UV) ] || $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	@$(call INSTALL,--require-hashes -r requirements.lock -r build.lock)
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@echo "setup: libraries of the tests (seconds with uv, a minute with pip)"
	@$(call INSTALL,--require-hashes -r requirements-dev.lock)
	@touch $@

.venv/.hub: pyproject.toml .venv/.runtime
	@echo "setup: the hub itself"
	@$(call INSTALL,--quiet --no-deps --no-build-isolation -e .)
	@$(BIN)/python -m compileall -q hub schemas connectors handlers
	@touch $@
