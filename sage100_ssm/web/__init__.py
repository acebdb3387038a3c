"""The page: why a contact does not travel, and what to do about it, in a browser."""
