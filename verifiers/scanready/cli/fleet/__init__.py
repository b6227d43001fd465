"""Hold the commands of ``scanready fleet``, a module each, and what they share."""
