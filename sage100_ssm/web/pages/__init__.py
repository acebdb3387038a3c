"""The pages: a function for each address."""
