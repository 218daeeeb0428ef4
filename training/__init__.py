"""From a book to a checkpoint: corpus -> batches -> loss -> weights, and the measuring of them."""
