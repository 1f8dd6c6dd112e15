"""nsview: a terminal explorer of Linux namespaces."""

__version__ = "0.1.0"
