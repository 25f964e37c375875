"""Python imports this by itself in each process that Spark starts, where this folder is on PYTHONPATH."""

import os

if os.environ.get("SIMULATED_SPARK"):
    from harness.spark_workers import prepare

    prepare()
