"""Finds classes and tasks in a registry, and infers library and task of a model in memory. Pure."""
