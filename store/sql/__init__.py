"""Builds the SQL statements of the store, for SQLite and PostgreSQL."""
