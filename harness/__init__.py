"""Runs the connector's real command against the simulated Amplitude, at a simulated time of day."""
