"""How a model reads a given text: its surprise at each character, and what its hidden units respond to."""
