"""One file a target type; each reads from top to bottom like its handshake."""
