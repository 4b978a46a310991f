"""The schema of model files: the types of these modules *are* the schema.

msgspec validates every file against them, and an unknown key or a wrong value is reported with file, key and reason.
`file` is where to begin: it names every table that a file may hold.

Annotations are evaluated in these modules, not put off by a `__future__` import: msgspec would have to evaluate each of
them from its text at every start.
"""
