"""Check IBM Informix over SQLI, and ask its DRDA listener for the version."""
