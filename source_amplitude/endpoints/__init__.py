"""Reads Amplitude's Dashboard, Cohorts, Annotations and Taxonomy APIs."""
