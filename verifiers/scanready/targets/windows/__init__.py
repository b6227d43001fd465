"""Windows hosts scanned without an agent: WMI over DCOM."""
