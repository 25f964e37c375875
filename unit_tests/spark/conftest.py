from importlib.util import find_spec

# These need Spark's environment; `make test-spark` runs them there.
collect_ignore_glob = [] if find_spec("pyspark") else ["test_*.py"]
