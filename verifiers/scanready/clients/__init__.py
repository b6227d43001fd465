"""Helpers for the logins and talks of several families: HTTP, NT statuses, and bounds for client libraries."""
