"""Check Teradata Vantage and its nodes."""
