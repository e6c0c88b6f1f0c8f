"""Structured JSON logs on standard error; bound context (request id, worker) goes into every line.

Only identifiers and counts are logged. Personal data has no way in: nothing logs a request body, a bound SQL parameter
or the text of a database error.
"""

import logging
import sys
import traceback
from types import TracebackType

import structlog


def configure(level: str = "INFO") -> None:
    """Sends structlog and the standard library's loggers through one JSON renderer."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _exception_without_values,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # lists them in every process
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _exception_without_values(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Keeps where an exception happened and its type, never its text, which may quote personal data."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else sys.exception()
    if info and error:
        event["exception"] = type(error).__qualname__
        event["at"] = _frames(error.__traceback__)
    return event


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-8:]]
