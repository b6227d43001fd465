"""Sybase, today SAP ASE, over TDS 5."""
