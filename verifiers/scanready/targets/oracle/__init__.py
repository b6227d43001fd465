"""Oracle Database, reached through its listener."""
