"""Promises about behaviour: one file for each module, and one for how the modules hang together."""

import model  # noqa: F401 (before torch is loaded: model/__init__.py says why)
