"""Holds the Spark door: two formats, and the interface of Lakeflow's community connectors."""
