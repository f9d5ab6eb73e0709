"""Loads models: plans which files to read, fetches them, and calls the class of the library."""
