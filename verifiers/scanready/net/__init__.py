"""Sockets, streams, TLS, names and interfaces: everything that touches the network or this host."""
