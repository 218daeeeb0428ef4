"""The character LSTM: its vocabulary, its network, how it writes and how it is stored.

Shapes have the same letters everywhere: B streams, T time steps, E embedding, H hidden, L layers, V vocabulary.
Data flows one way: text -> vocabulary -> ids -> network -> logits -> sampling -> ids -> text.
"""
