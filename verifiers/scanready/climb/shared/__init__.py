"""Climbs that several families share."""
