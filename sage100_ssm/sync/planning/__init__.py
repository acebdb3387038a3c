"""From what both sides show to a plan, and what takes writes out of a plan again. Pure."""
