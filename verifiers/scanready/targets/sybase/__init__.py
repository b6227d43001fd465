"""Check Sybase (now SAP ASE) over TDS 5."""
