"""Searching for translations: scorers, searches, engines, the Translator, files and pipes. Trains nothing."""
