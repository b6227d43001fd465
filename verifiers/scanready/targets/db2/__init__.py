"""Check IBM DB2 over DRDA."""
