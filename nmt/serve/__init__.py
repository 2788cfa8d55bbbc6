"""Translators behind HTTP: a service that batches what waits, and the interfaces that existing clients speak."""
