"""One script for each question; each prints a table, then one line of JSON last."""
