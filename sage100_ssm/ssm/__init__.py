"""A Sage Sales Management instance, by its REST API v4: client, session, pages, quota, errors."""
