"""Training, from a book to a checkpoint: corpus -> batches -> loss -> weights, then evaluation and publishing."""

import model  # noqa: F401 (before torch is loaded: model/__init__.py says why)
