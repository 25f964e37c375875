"""An Airbyte source for Amplitude."""

from source_amplitude.source import SourceAmplitude

__all__ = ["SourceAmplitude"]
