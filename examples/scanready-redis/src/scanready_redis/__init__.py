"""Redis as a target type of scanready. ``row`` declares the type; the other modules are its parts."""
