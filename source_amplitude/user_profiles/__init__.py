"""Reads the User Profile API: one profile a request, within the organization's limit (US region only)."""
