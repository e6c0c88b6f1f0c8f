# Everything runs in .venv, made from the lock files; PYTHON names the interpreter that makes it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo demo-reset test fuzz chaos storm bench lock clean

demo: .venv/demo.stamp
	$(BIN)/mobile-units demo

demo-reset: .venv/demo.stamp
	$(BIN)/mobile-units demo --reset

test: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2

fuzz: .venv/dev.stamp
	$(BIN)/pytest -n 2 tests/routes/test_fuzz.py --fuzz $(or $(FUZZ),200)

chaos: .venv/dev.stamp
	$(BIN)/python -m tests.chaos $(CHAOS)

storm: .venv/dev.stamp
	$(BIN)/python -m tests.storm $(STORM)

bench: .venv/dev.stamp
	$(BIN)/python -m tests.benchmarks

.venv/demo.stamp: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	$(BIN)/python -c "from mobile_units.planning.solver import ready; ready()"
	touch $@

.venv/dev.stamp: .venv/demo.stamp requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-dev.lock
	touch $@

# Needs uv; only for changing dependencies.
lock:
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 --quiet --group build --output-file requirements.lock pyproject.toml
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 --quiet --group build --group dev --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf .venv build *.egg-info
