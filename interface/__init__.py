"""The page of the app, part by part."""

import model  # noqa: F401 (before torch is loaded: model/__init__.py says why)
