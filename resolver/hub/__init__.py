"""Talking to a Hub over HTTP."""
