"""Two-way synchronisation of contacts between Sage 100 FR and Sage Sales Management (SSM)."""

__version__ = "0.1.0"
"""The one place where the version stands; the distribution, the images and the metadata take it from here."""
