# Everything below installs what it needs into .venv, from the hashed lock in requirements/.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test test-all lint lock clean

help:
	@echo "make demo      a first and a second sync against a simulated Amplitude, with a table at the end"
	@echo "make test      all tests but the slow ones"
	@echo "make test-all  all tests"
	@echo "make lint      ruff and mypy"
	@echo "make lock      renew the lock after a change of dependencies"

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else "Python 3.10 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(READY)
	$(BIN)/python -m integration_tests.demo

test: $(READY)
	$(BIN)/python -m pytest -n auto -m "not slow"

test-all: $(READY)
	$(BIN)/python -m pytest -n auto

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock:
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile --quiet pyproject.toml --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-header -o requirements/runtime.txt
	build/lock/bin/uv pip compile --quiet pyproject.toml --extra dev --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-header -c requirements/runtime.txt -o requirements/dev.txt

clean:
	rm -rf $(VENV) build demo_output bench_output
