"""Two-way synchronisation of contacts between Sage 100 FR and Sage Sales Management (SSM)."""

__version__ = "0.1.0"
"""The version. The build reads it here, and a test compares it with the images, the metadata and the pages."""

DOCUMENTATION = "https://docs.sage100-ssm.example"
"""Where the folder `docs` is published: Airbyte links to the pages there. `make metadata DOCS_URL=…` sets it."""
