"""Many requests at once: batches of requests, a scheduler, a prefix cache, and mixtures of two models."""
