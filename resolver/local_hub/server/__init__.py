"""Serves the protocol over HTTP on loopback, in this process or another."""
