"""Web sites, over HTTP and HTTPS."""
