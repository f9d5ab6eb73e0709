"""Builds the page of `hubresolve report` and of the service: counts, pictures, what needs attention, all rows."""
