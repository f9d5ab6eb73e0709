"""Opens, locks, upgrades and repairs the database of a store."""
