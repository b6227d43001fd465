"""Exchange Web Services, and Autodiscover that leads there."""
