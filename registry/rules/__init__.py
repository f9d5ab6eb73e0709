"""The rules of `decide`, one library or question to a file. Pure."""
