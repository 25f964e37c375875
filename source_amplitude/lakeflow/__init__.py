"""Amplitude's tables for Apache Spark: a Python data source, and the interface of Lakeflow's community connectors."""

from source_amplitude.lakeflow.connect import LakeflowConnect

__all__ = ["LakeflowConnect"]
