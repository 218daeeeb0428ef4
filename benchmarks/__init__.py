"""One script for each question; each prints a table, and one line of JSON at the end."""

import model  # noqa: F401 (before torch is loaded: model/__init__.py says why)
