"""Documents and files of messages: what in them is to be translated, and the same file with its translations.

Each format is a module with `read(data, about) -> Document`. A document is never built anew: translations are put into
the bytes that were read, so that whatever nobody understands stays as it is.
"""
