"""The rules, as pure functions: links, merging of fields and matching."""
