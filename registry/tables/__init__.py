"""Holds the tables of the registry; `registry.defaults` reads them. Pure data."""
