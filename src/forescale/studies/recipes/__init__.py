"""How each published study becomes tidy tables: one file a study, `tables(file)` with `file(path)` a local copy of that file."""
