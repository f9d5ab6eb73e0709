"""Holds the repos that the local Hub serves and reads them from disk."""
