"""What the service refuses, with the HTTP status and, where it helps, when to come back."""

import logging
import traceback

from reviewer.errors import ReviewerError

_logger = logging.getLogger(__name__)


class AccessError(ReviewerError):
    """No key, or one that is not known."""

    code = "access"
    http_status = 401


class UnknownReviewError(ReviewerError):
    """Feedback on a review that is not in the record, or belongs to another key."""

    code = "unknown-review"
    http_status = 404


class ComeBackError(ReviewerError):
    """Refused for now; ``retry_after_s`` is a whole number of seconds, at least 1."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        """Keep when to come back."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimitedError(ComeBackError):
    """This key has used up its rate."""

    code = "rate-limited"
    http_status = 429


class BusyError(ComeBackError):
    """The queue is full, the models are loading, or the service is stopping."""

    code = "busy"
    http_status = 503


class InternalError(ReviewerError):
    """A bug; the message is fit for a client."""


def internal_error(error: BaseException) -> InternalError:
    """Log where a bug struck, and return what a client is told of it.

    Neither holds the bug's own message, which may quote a draft.
    """
    frames = "".join(traceback.format_tb(error.__traceback__))
    _logger.error("内部错误 %s\n%s", type(error).__name__, frames)
    return InternalError(f"内部错误：{type(error).__name__}；请把请求编号告诉管理员。")
