"""Reads the tables of one release of a library from its source text, and adds them to a registry. Nothing is run."""
