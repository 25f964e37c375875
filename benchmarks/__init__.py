"""Throughput, latency, memory and start-up, beside the official connector and the lower bounds.

`docs/performance.md` says what came out. `make bench` runs all of it.
"""
