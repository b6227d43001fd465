"""The ladder: probe and rung, and what decides on each of them."""
