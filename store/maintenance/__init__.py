"""Verifies and prunes a store."""
