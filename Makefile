# Ortoo: everything a newcomer needs is one word after `make`.
#
# Each setup step leaves a file behind and is repeated only when what it was made from changes,
# so the second `make run` starts at once.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 8000
DATA ?= .data/demo
CASE ?= P1
OUT ?= .data/bench/$(CASE).json

BIN := .venv/bin
PYTHON_READY := .venv/.installed
NODE_READY := pwa/node_modules/.package-lock.json
PWA_READY := pwa/dist/index.html
PWA_SOURCES := $(shell find pwa/src pwa/public pwa/scripts -type f 2>/dev/null) \
	$(wildcard pwa/*.ts pwa/*.html pwa/*.json)
LOGS := test-output

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))

.PHONY: run
run: setup ## Set everything up and serve the living demo (PORT=8000, DATA=.data/demo)
	@exec $(BIN)/ortoo demo --data $(DATA) --port $(PORT)

.PHONY: clean-demo
clean-demo: ## Forget the demo's data, so that the next run starts afresh
	rm -rf .data/demo

.PHONY: setup
setup: $(PYTHON_READY) $(PWA_READY) ## Install what is needed and build the PWA, without starting anything

.PHONY: check
check: check-python check-pwa ## Judge style, types and size of all code, in seconds

.PHONY: check-python
check-python: $(PYTHON_READY) ## ... of the Python code: ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: check-pwa
check-pwa: $(PWA_READY) ## ... of the PWA: Biome, vue-tsc and the size budget of the officer's shell
	npm --prefix pwa run --silent lint
	npm --prefix pwa run --silent types
	npm --prefix pwa run --silent size

.PHONY: format
format: $(PYTHON_READY) ## Let the Python formatter have its way
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The parts run one after another, cheapest first. The first that fails stops the run and is named;
# when all pass, their closing lines stand together at the end, pytest's last. What needs nothing of
# the other language is installed and judged beside it, and tests that wait leave their core to others.
.PHONY: test
test: system ## Check, then run every test: Python, TypeScript, stories in a real browser
	@$(MAKE) -j2 setup
	@rm -rf $(LOGS) && mkdir -p $(LOGS)
	@$(call part,check,$(MAKE) -j2 -Otarget check)
	@$(call part,python,$(MAKE) test-python)
	@$(call part,pwa,$(MAKE) test-pwa)
	@$(call part,browser,$(MAKE) test-browser)
	@echo
	@echo "All parts passed."
	@echo "  check    clean"
	@$(call closing,pwa,Tests )
	@$(call closing,browser,Tests )
	@tail -n 1 $(LOGS)/python.log

# $(call part,name,command): run the command, keep its output, and name the part if it fails.
part = echo "== $(1)"; $(2) 2>&1 | tee $(LOGS)/$(1).log \
	|| { echo "== FAILED: $(1). Its output is in $(LOGS)/$(1).log; the later parts did not run."; exit 1; }
# $(call closing,name,text): the last line of a part's output with the text, without colour codes.
closing = printf '  %-8s %s\n' $(1) \
	"$$(sed 's/\x1b\[[0-9;]*m//g' $(LOGS)/$(1).log | grep -F '$(2)' | tail -n 1 | sed 's/^ *//')"

.PHONY: test-python
test-python: $(PYTHON_READY) $(NODE_READY) ## Run the Python tests (real records too where ORTOO_REAL_DATA names them)
	@HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci} $(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: laws
laws: $(PYTHON_READY) ## Try trusted time on very many histories of wrong clocks (RUNS=100000)
	@ORTOO_CLOCK_RUNS=$(or $(RUNS),100000) $(BIN)/python -m pytest -q -s tests/sync/test_time_laws.py -k very_many

.PHONY: test-pwa
test-pwa: $(NODE_READY) ## Run the TypeScript tests
	@npm --prefix pwa test

.PHONY: test-browser
test-browser: setup system ## Run the browser stories in Chromium against a real server
	@npm --prefix pwa run e2e

# SEEDS worlds from FIRST on; SEED alone lives through one and tells it line by line. See docs/simulator.md.
SEEDS ?= 200
FIRST ?= 0

.PHONY: sim
sim: $(PYTHON_READY) $(NODE_READY) ## Try to break the sync core in simulated worlds (SEEDS=200 FIRST=0, or SEED=17; TOWNSHIP=1)
	@$(BIN)/python -m tests.sim.run $(if $(TOWNSHIP),--township )$(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --first $(FIRST))

# What each lane proves, and how a failure is lived through again: docs/testing.md.
ROUNDS ?= 100
SECONDS_EACH ?= 600

.PHONY: blackbox
blackbox: $(PYTHON_READY) ## Kill, cut off, starve and fail real centres and townships, long (ROUNDS=100 SEED=1)
	@$(BIN)/python -m tests.blackbox --rounds $(ROUNDS) --seed $(or $(SEED),1)

.PHONY: fuzz
fuzz: $(PYTHON_READY) ## Read hostile bytes, led by coverage, for SECONDS_EACH=600 at each door
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r tests/sync/hostile/fuzz.lock
	@$(BIN)/python -m tests.sync.hostile.fuzz --seconds $(SECONDS_EACH)

.PHONY: bench
bench: $(PYTHON_READY) ## Measure one performance case and write the figures (CASE=P1 OUT=FILE)
	@mkdir -p "$(dir $(OUT))"
	@$(BIN)/ortoo bench --case $(CASE) --out $(OUT)

.PHONY: lock
lock: $(PYTHON_READY) ## Write the Python locks anew after a change in pyproject.toml
	$(BIN)/pip install -q uv==0.13.9
	$(call locked,--all-extras,requirements.lock)
	$(call locked,--extra postgres,server/requirements.lock)

locked = $(BIN)/uv pip compile pyproject.toml $(1) --universal --generate-hashes \
	--no-emit-index-url --no-header --no-annotate -q -o $(2)

.PHONY: system
system: ## Make sure Chromium, a Chinese font, PostgreSQL, a C compiler and network tools are there for the tests, with apt where allowed
	@missing=(); \
	command -v chromium >/dev/null || missing+=(chromium); \
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql); \
	command -v cc >/dev/null || missing+=(gcc libc6-dev); \
	command -v ip >/dev/null || missing+=(iproute2); \
	command -v nft >/dev/null || missing+=(nftables); \
	font=$$(find /usr/share/fonts ~/.fonts -iname '*cjk*' -print -quit 2>/dev/null || true); \
	[ -n "$$font" ] || missing+=(fonts-noto-cjk); \
	if [ $${#missing[@]} -eq 0 ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=(); else as_root=(sudo -n); fi; \
	if ! command -v apt-get >/dev/null || ! "$${as_root[@]}" true 2>/dev/null; then \
		echo "The tests need: $${missing[*]}. They cannot be installed from here" >&2; \
		echo "(that takes apt-get and root). Ask an administrator for:" >&2; \
		echo "    apt-get install $${missing[*]}" >&2; \
		exit 1; \
	fi; \
	echo "Installing $${missing[*]} ..."; \
	"$${as_root[@]}" apt-get update -qq; \
	"$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends "$${missing[@]}" >/dev/null

$(PYTHON_READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Ortoo needs Python 3.11 or newer; name one with PYTHON=..." >&2; exit 1; }
	@echo "Installing the Python packages ..."
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv \
		|| { echo "Ortoo needs Python's venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

# Not `npm ci`: it refuses a lock that lacks packages of platforms its registry does not carry. This
# installs exactly what is locked, checks every hash, and leaves the lock alone.
$(NODE_READY): pwa/package.json pwa/package-lock.json
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' \
		&& command -v npm >/dev/null \
		|| { echo "Ortoo needs Node 20.19 or newer, and npm." >&2; exit 1; }
	@echo "Installing the PWA's packages ..."
	@npm --prefix pwa install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

$(PWA_READY): $(NODE_READY) $(PWA_SOURCES)
	@echo "Building the PWA ..."
	@npm --prefix pwa run build
	@touch $@
