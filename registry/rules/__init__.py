"""Decides library, task, class and framework of a repo: `decide`, and one file for each rule. Pure."""
