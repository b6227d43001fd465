"""Check Microsoft SQL Server."""
