"""Check MySQL and MariaDB."""
