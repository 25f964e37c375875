"""Exports what a Spark user imports: two formats, the interface of Lakeflow's community connectors, and the errors."""

from source_amplitude.errors import AmplitudeError, ConfigError, TransientError, UnexpectedError
from source_amplitude.spark.community import CommunityDataSource
from source_amplitude.spark.connect import LakeflowConnect
from source_amplitude.spark.datasource import AmplitudeDataSource

__all__ = [
    "AmplitudeDataSource",
    "AmplitudeError",
    "CommunityDataSource",
    "ConfigError",
    "LakeflowConnect",
    "TransientError",
    "UnexpectedError",
]
