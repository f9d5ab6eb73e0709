"""The tables of the registry: data, and `read`, which puts them together."""
