"""Checks and prunes a store."""
