"""Notes and Domino, over NRPC."""
