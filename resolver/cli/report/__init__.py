"""Builds the page of `hubresolve report`: counts, pictures, what needs attention, and a table of all rows."""
