"""Registers the format `amplitude` by itself: Spark looks for modules of such a name and for `DefaultSource` in them."""

from source_amplitude.lakeflow.datasource import AmplitudeDataSource as DefaultSource

__all__ = ["DefaultSource"]
