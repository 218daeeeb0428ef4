"""The offline page: one HTML file that holds a model and writes by itself, without a server and without a network."""
