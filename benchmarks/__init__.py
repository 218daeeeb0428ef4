"""One script for each question; each prints a table, then one line of JSON last."""

import model  # noqa: F401 (before torch is loaded: model/__init__.py says why)
