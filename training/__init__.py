"""From a book to a checkpoint: corpus -> batches -> loss -> weights, and the measuring of them."""

import model  # noqa: F401 (before torch is loaded: model/__init__.py says why)
