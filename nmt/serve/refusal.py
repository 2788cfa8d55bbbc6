"""A request that is not answered as was asked, and why."""

from __future__ import annotations


class Refusal(Exception):
    """`status`: of HTTP; `message`: for whoever asked. `retry_after`: seconds after which it may be asked again."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after
