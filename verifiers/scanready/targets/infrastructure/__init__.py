"""The servers of the scanner itself: Master, Web Console, update server."""
