"""Teradata Vantage and its nodes."""
