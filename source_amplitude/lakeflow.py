"""Amplitude's tables for Apache Spark: a Python data source, and the interface of Lakeflow's community connectors."""

from source_amplitude.spark.community import CommunityDataSource
from source_amplitude.spark.connect import LakeflowConnect
from source_amplitude.spark.datasource import AmplitudeDataSource

__all__ = ["AmplitudeDataSource", "CommunityDataSource", "LakeflowConnect"]
