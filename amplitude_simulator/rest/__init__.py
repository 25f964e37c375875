"""The endpoints beside the Export and the User Profile API: dashboard, cohorts, annotations, taxonomy."""
