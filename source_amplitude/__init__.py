"""Offers an Airbyte source for Amplitude."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from source_amplitude.source import SourceAmplitude

__all__ = ["SourceAmplitude", "__version__"]


def __getattr__(name: str) -> Any:
    """Imports the source when it is used: the core and Spark do without the CDK, which takes a second and 60 MB."""
    if name == "__version__":
        from source_amplitude.version import VERSION  # noqa: PLC0415

        return VERSION
    if name != "SourceAmplitude":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from source_amplitude.source import SourceAmplitude  # noqa: PLC0415

    return SourceAmplitude
