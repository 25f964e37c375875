"""Reads the version of the installed package, which is that of pyproject.toml."""

from importlib.metadata import version

VERSION = version("amplitude-source")
