"""The SQL of the store, for SQLite and PostgreSQL."""
