"""Exports a store to one file, and merges such a file into a store."""
