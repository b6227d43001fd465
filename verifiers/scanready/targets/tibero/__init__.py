"""Check for a Tibero greeting, as far as it can be recognised without the vendor's client."""
