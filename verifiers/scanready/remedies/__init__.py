"""What to change: literal fixes, and the text of the catalogue with its placeholders filled in."""
