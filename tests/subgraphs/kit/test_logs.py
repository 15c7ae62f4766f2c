"""A log line on a terminal says what a client sent, and never does it."""

import io
import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog

from subgraphs.kit import logs
from subgraphs.kit.settings import LoggingSettings
from subgraphs.kit.tracing import span

HOSTILE = "\x1b]0;owned\x07\x1b[2Jname\r\nsecond \x9b31m"
SPELT = r"\x1b]0;owned\x07\x1b[2Jname\x0d\nsecond \x9b31m"


@pytest.fixture
def configured() -> Iterator[None]:
    """Puts back what `logs.configure` changes for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _fail(message: str) -> None:
    raise ValueError(message)


@pytest.mark.usefixtures("configured")
def test_control_characters_are_spelt_out_on_a_console() -> None:
    stream = io.StringIO()
    logs.configure("sample", LoggingSettings(format="console"), stream=stream)
    structlog.stdlib.get_logger("one").info("request", path=HOSTILE, nested={"a": HOSTILE})
    logging.getLogger("library").warning("said %s", HOSTILE)
    try:
        _fail(HOSTILE)
    except ValueError:
        structlog.stdlib.get_logger("two").exception("failed")
    written = stream.getvalue()
    assert not set(written) & {chr(n) for n in (*range(9), *range(11, 32), *range(127, 160))}
    assert f"path={SPELT}" in written.replace("'", "").replace('"', "") or SPELT in written
    assert f"said {SPELT}" in written
    assert r"ValueError: \x1b]0;owned\x07\x1b[2Jname\x0d" in written


@pytest.mark.usefixtures("configured")
def test_a_line_names_the_trace_that_its_request_is_part_of() -> None:
    stream = io.StringIO()
    logs.configure("sample", LoggingSettings(), stream=stream)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with span("request", carrier={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}):
        structlog.stdlib.get_logger("one").info("within")
    structlog.stdlib.get_logger("one").info("outside")
    within, outside = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert within["trace_id"] == trace_id
    assert "trace_id" not in outside


@pytest.mark.usefixtures("configured")
def test_json_holds_them_as_json_does() -> None:
    stream = io.StringIO()
    logs.configure("sample", LoggingSettings(), stream=stream)
    structlog.stdlib.get_logger("one").info("request", path=HOSTILE)
    [line] = stream.getvalue().splitlines()
    assert "\x1b" not in line
    assert orjson.loads(line)["path"] == HOSTILE
