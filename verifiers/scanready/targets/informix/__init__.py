"""IBM Informix, over SQLI; its DRDA listener is asked for the version."""
