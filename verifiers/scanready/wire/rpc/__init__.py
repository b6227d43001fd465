"""ONC RPC and the programs that NFS is made of (RFC 5531, 1833, 1813, 7530): one codec, a module a program."""
