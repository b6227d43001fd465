"""Literal fixes, and the texts of the catalogue with their placeholders filled in."""
