"""What a model makes of a given text: its surprise at each character, and what its hidden units follow."""
