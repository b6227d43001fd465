"""Cloud services, endpoint by endpoint."""
