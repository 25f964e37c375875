"""`make demo` and `make example`: the connector at work against a simulated Amplitude."""
