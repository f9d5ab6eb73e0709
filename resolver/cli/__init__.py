"""The command `hubresolve`: arguments, output and exit codes."""
