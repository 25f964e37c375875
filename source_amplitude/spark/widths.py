"""Keeps how wide the exports of a project may be, as far as this process has learnt it.

Each refusal may be an answer that took Amplitude minutes, so what one task has learnt is kept for the next one.
"""

from __future__ import annotations

from functools import cache

from source_amplitude.config.model import Config
from source_amplitude.export.width import AdaptiveWidth


def width_of(config: Config) -> AdaptiveWidth:
    """Returns the width of a project's exports, which all reads in this process share."""
    return _width(config.api_url, config.api_key, config.batch_size_hours)


@cache
def _width(api_url: str, api_key: str, widest_hours: int) -> AdaptiveWidth:  # noqa: ARG001 - they tell projects apart
    return AdaptiveWidth(widest_hours)
