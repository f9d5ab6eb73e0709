"""Writes what a store knows into one file, and merges such a file into a store."""
