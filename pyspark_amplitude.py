"""Makes Spark know the format `amplitude` by itself: it looks for modules of such a name, with a `DefaultSource`.

Spark 4.0 would then refuse to have it registered by hand, so there that is the way.
"""

import pyspark

if not pyspark.__version__.startswith("4.0."):
    from source_amplitude.lakeflow import AmplitudeDataSource as DefaultSource

    __all__ = ["DefaultSource"]
