"""Tensors to tensors: the Transformer and its incremental decoder. Imports torch and the model section only."""
