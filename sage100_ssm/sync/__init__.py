"""The synchronisation itself: rules, plan, state and engine. It imports no side."""
