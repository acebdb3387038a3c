"""The rules, as pure functions: links, merging of fields, matching, and a site's answers to them."""
