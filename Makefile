# make run     build what changed and start the server on PORT (6379)
# make check   style, types and tests, the same as in CI
# make help    everything else

PYTHON ?= python3
PORT ?= 6379
ARGS ?=
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find src -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.h')
PYTHON_FILES := $(shell find src -name '*.py')

# What each kind of build leaves behind when it is up to date.
TOOLS := $(VENV)/.tools-installed
PEERS := $(VENV)/.peers-installed
BUILT := build/.built
DEBUG := build/debug
SANITIZE := build/sanitize
FUZZ := build/fuzz

PYTEST := $(BIN)/python -m pytest
SANITIZER_ENVIRONMENT = LD_PRELOAD=$$(gcc -print-file-name=libasan.so) PYTHONMALLOC=malloc \
	ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

.DELETE_ON_ERROR:
.PHONY: run build test lint format check peers bench debug sanitize fuzz fuzz-scripts conformance conformance-redis-py crash clean help

run: build
	exec $(BIN)/redpoll-server --port $(PORT) $(ARGS)

build: $(BUILT)

test: build
	$(PYTEST) -n $(JOBS) $(ARGS)

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@echo cython-lint src
	@PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint $(filter-out %.h,$(SOURCES))
	$(BIN)/mypy

format: $(TOOLS)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test

# Real servers and clients that tests and benchmarks compare with; Debian brings redis-server, redis-tools and tmux.
peers: $(PEERS)

bench: build
	$(BIN)/python -m benchmarks.run $(ARGS)

conformance: build
	$(BIN)/python -m conformance.run $(ARGS)

conformance-redis-py: build
	$(BIN)/python -m conformance.redis_py $(ARGS)

# Servers killed, and their power cut, again and again.
crash: build
	$(BIN)/python -m tests.faults.crash $(ARGS)

# Bounds checks, line tracing and assertions; annotated HTML beside each .pyx under build/debug.
debug: $(DEBUG)/.built
	@echo "Debug build: PYTHONPATH=$(DEBUG)/src $(BIN)/python -m redpoll"
	@echo "Annotated:   find $(DEBUG)/src -name '*.html'"

sanitize: $(SANITIZE)/.built
	PYTHONPATH=$(SANITIZE)/src $(SANITIZER_ENVIRONMENT) $(PYTEST) -n $(JOBS) -p no:cacheprovider --peer redpoll $(ARGS)

# Inputs for the request parser, grown by the ways they take through it.
fuzz: $(FUZZ)/.built $(FUZZ)/coverage.so
	PYTHONPATH=$(FUZZ)/src $(SANITIZER_ENVIRONMENT) REDPOLL_COVERAGE=$(CURDIR)/$(FUZZ)/coverage.so \
		LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $(CURDIR)/$(FUZZ)/coverage.so" \
		$(BIN)/python -m tests.fuzz.parser $(ARGS)

# Random Lua programs, under the sanitizers.
fuzz-scripts: $(SANITIZE)/.built
	PYTHONPATH=$(SANITIZE)/src $(SANITIZER_ENVIRONMENT) $(BIN)/python -m tests.fuzz.scripts $(ARGS)

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find src \( -name '*.so' -o -name '*.html' \) -delete
	find src -name '*.pyx' | sed 's/\.pyx$$/.c/' | xargs -r rm -f
	find src tests benchmarks conformance -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	@echo "Kept: $(VENV) and .peers (remove them by hand for a fresh start)."

help:
	@echo "make run [PORT=6379] [ARGS=...]  build what changed, start the server"
	@echo "make build                      compile the extensions in place"
	@echo "make test [ARGS='-k get']       all tests; peers that are not installed are skipped"
	@echo "make lint | format              check | repair the style; lint checks the types too"
	@echo "make check                      lint and test"
	@echo "make peers                      install real servers and clients to test against"
	@echo "make bench [ARGS=--quick]       side by side with real servers"
	@echo "make conformance                Redis's own tests against this server"
	@echo "make conformance-redis-py       redis-py's own tests against a store in their process"
	@echo "make debug                      a checked build under build/debug, with annotated HTML"
	@echo "make sanitize                   tests under the address and undefined-behaviour sanitizers"
	@echo "make fuzz [ARGS='--seconds 600']   the request parser against inputs grown by coverage"
	@echo "make fuzz-scripts [ARGS='--seconds 600']   random Lua programs; none may crash, block or change the server"
	@echo "make crash [ARGS='--rounds 300']   servers killed and their power cut; nothing promised may be lost"
	@echo "make clean                      remove what was built"

# -- set-up ----------------------------------------------------------------

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here. On Debian: apt-get install python3 python3-venv python3-dev"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Choose one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. On Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) -m venv failed. On Debian: apt-get install python3-venv"; exit 1; }

$(TOOLS): pyproject.toml | $(BIN)/python
	@command -v $${CC:-cc} >/dev/null || { echo "No C compiler here. On Debian: apt-get install gcc libc6-dev"; exit 1; }
	@$(BIN)/python -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || { echo "Python's C headers are missing. On Debian: apt-get install python3-dev"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'setuptools>=77' 'Cython>=3.1'
	REDPOLL_NO_EXTENSIONS=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[test,lint]'
	@touch $@

$(PEERS): tests/peers.requirements tests/interop/node/package.json | $(TOOLS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement tests/peers.requirements
	@command -v npm >/dev/null || { echo "No npm here. On Debian: apt-get install nodejs npm"; exit 1; }
	npm install --silent --no-audit --no-fund --no-package-lock --prefix tests/interop/node
	@touch $@

$(BUILT): $(TOOLS) $(SOURCES) setup.py
	@mkdir -p $(@D)
	$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

# The checked builds are whole copies of the sources, so that they never mix with the normal one.
$(DEBUG)/.built: KIND := REDPOLL_DEBUG=1
$(SANITIZE)/.built: KIND := REDPOLL_SANITIZE=1
$(FUZZ)/.built: KIND := REDPOLL_SANITIZE=1 REDPOLL_FUZZ=1
$(DEBUG)/.built $(SANITIZE)/.built $(FUZZ)/.built: $(TOOLS) $(SOURCES) $(PYTHON_FILES) setup.py
	@mkdir -p $(@D)
	rm -rf $(@D)/stale && if [ -d $(@D)/src ]; then find $(@D)/src -name '*.py' -delete; fi
	(find src -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.h' -o -name '*.py' -o -name '*.conf' -o -name py.typed) | tar -cf - -T - | tar -xf - -C $(@D)
	cp -p setup.py pyproject.toml $(@D)/
	cd $(@D) && $(KIND) $(CURDIR)/$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

$(FUZZ)/coverage.so: tests/fuzz/coverage.c
	@mkdir -p $(@D)
	$${CC:-cc} -O2 -shared -fPIC -o $@ $<
