"""The streams of Amplitude's Dashboard, Cohorts, Annotations and Taxonomy APIs."""
