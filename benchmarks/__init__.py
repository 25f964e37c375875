"""Measures throughput, memory, latency and start-up, beside the official connector and a lower bound.

`make bench` measures everything, writes the figures to `docs/measured.json`, and writes the docs anew from them;
`benchmarks/figures.py` describes the file.
"""
