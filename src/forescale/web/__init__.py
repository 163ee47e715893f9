"""The Python calls over HTTP on this machine alone, and one page. Extra: app."""
