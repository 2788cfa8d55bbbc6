"""A run on disk: its folder, checkpoints and log, and whether it still is what it records. Trains nothing."""
