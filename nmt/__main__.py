"""`python -m nmt`: the same as `nmt`."""

from nmt.cli import main

main()
