"""Answers questions about a registry or a model: which class, which tasks, which library. Pure."""
