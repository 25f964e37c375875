"""Reads the Export API: hours in, verified archives and their lines out."""
