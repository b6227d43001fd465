"""NFS 2 to 4: rpcbind, mountd, and the exports behind them."""
