"""Check PostgreSQL and products that speak its protocol (PgBouncer, for example)."""
