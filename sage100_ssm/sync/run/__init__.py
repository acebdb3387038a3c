"""One run: observe, plan, guard, apply, report."""
