"""Reads the repos that the command is to resolve: from arguments, files of several formats, and standard input."""
