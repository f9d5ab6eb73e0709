"""Serves the protocol over HTTP on loopback."""
