"""SSH, for two target types: a Unix host scanned without an agent, and an SSH file share."""
