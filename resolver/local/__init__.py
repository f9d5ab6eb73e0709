"""Reads repos on this machine's disk: plain folders, and the local Hugging Face cache."""
