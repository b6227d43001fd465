"""CIFS and SMB file shares, NetBIOS included."""
