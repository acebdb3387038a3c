"""Prefect: the flow, its deployment, its blocks."""
