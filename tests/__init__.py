"""Promises about behaviour: one file for each module, and one for how the modules hang together."""
