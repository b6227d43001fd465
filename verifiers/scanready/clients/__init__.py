"""What the logins and talks of several families share: HTTP, NT statuses, and bounds for client libraries."""
