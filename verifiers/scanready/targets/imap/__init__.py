"""IMAP, in clear with STARTTLS and in TLS from the first byte."""
