"""Logging: one event a line on standard error, as JSON unless that is a terminal; never anybody's words.

Every line has `event`, a name; `level`, `at` and, where there is one, `request`, `run`, `effect`, `event_key`
and `error_id`, the id that people are told. Secrets are taken out of every value: what has the form of a
credential, and the process's own. Libraries speak through the same lines, but only by where they spoke: their
messages may quote payloads, and the texts of exceptions may hold anything.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import Any, TextIO

import structlog

from engine.leaks import redacted_words, without_secrets
from engine.trace import trace

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
LONGEST_TEMPLATE = 200

log = structlog.get_logger("process")


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send log lines of at least this level to standard error; those of libraries from warnings on.

    Args:
        level: debug, info, warning or error.
        stream: Where else to send them.
    """
    to = stream or sys.stderr
    # Never rich tracebacks: they print the values of local variables, which may be secrets or people's words.
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if to.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _without_exception,
            _without_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=to),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(LEVELS[level], logging.WARNING), handlers=[_Foreign()], force=True)
    logging.raiseExceptions = False
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


class _Foreign(logging.Handler):
    """Lines of libraries, by their place and the kind of their error."""

    def emit(self, record: logging.LogRecord) -> None:
        told: dict[str, Any] = {"logger": record.name, "where": f"{record.filename}:{record.lineno}"}
        if record.args and isinstance(
            record.msg, str
        ):  # then it is a template, and what fills it is left out
            told["template"] = record.msg[:LONGEST_TEMPLATE]
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            told["trace"] = trace(error)
        log.log(record.levelno, "library.spoke", **told)


def _uncaught(
    _kind: type[BaseException], error: BaseException | None, _traceback: TracebackType | None
) -> None:
    if error is not None and not isinstance(error, KeyboardInterrupt):
        log.error("process.failed", trace=trace(error))


def _without_exception(
    _logger: object, _method: str, line: structlog.types.EventDict
) -> structlog.types.EventDict:
    found = line.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        line["trace"] = trace(error)
    return line


def _without_secrets(
    _logger: object, _method: str, line: structlog.types.EventDict
) -> structlog.types.EventDict:
    clean: dict[str, Any] = without_secrets(line, redacted_words)
    return clean
