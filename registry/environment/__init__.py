"""Adapts a registry to the Python environment: a newer installed transformers, and plugins. Reads the disk."""
