"""Finds what a repo's small files name beside its weights: code, modules of libraries, other repos, paths. Pure."""
