"""A trained run made into what others can use."""
