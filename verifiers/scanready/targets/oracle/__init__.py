"""Check Oracle Database through its listener."""
