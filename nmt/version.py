"""Which nmt this is; every file that nmt writes and that outlives it names it."""

VERSION = "0.1.0"
