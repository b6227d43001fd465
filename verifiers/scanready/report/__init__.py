"""One function per format: reports in, text out. The formats are this literal table."""
