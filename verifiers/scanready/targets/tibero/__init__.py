"""Tibero: its greeting, as far as it can be recognised without the vendor's client."""
