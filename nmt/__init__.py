"""nmt: from raw parallel text to a scored, deployable translator with one YAML recipe."""

__version__ = "0.1.0"
