"""Tests of behaviour: one file for each module, and `test_structure.py` for the imports between modules."""

import model  # noqa: F401 (must come before torch: see model/__init__.py)
