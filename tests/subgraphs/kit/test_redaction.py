"""What must not be read stays out of log lines, however it gets there."""

import io
import logging
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import jwt
import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit import logs
from subgraphs.kit.redaction import HIDDEN, Readable, redacted, without_secrets
from subgraphs.kit.settings import LoggingSettings

TOKEN = jwt.encode({"sub": "ann"}, "k" * 32, algorithm="HS256")
ONE_TIME = "UBRWh--qxCJyTyM2IHSzG4pAzhSDCfY2z9gxyUaK63I"  # as secrets.token_urlsafe(32) makes them
REFRESH = f"{ONE_TIME}{ONE_TIME[::-1]}"  # 64 bytes
EMAIL = "ann.o-brien+shop@mail.example.co.uk"


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged; afterwards the process logs as before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure("sample", LoggingSettings(format=getattr(request, "param", "json")), stream=written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"token {TOKEN} refused", f"token {HIDDEN} refused"),
        ("Authorization: Bearer abcdef0123456789", f"Authorization: Bearer {HIDDEN}"),
        (f"refresh={REFRESH};", f"refresh={HIDDEN};"),
        (f"reset={ONE_TIME};", f"reset={HIDDEN};"),
        (f"to <{EMAIL}>", f"to <{HIDDEN}>"),
        ("postgresql://shop:pa:ss@db:5432/orders", f"postgresql://{HIDDEN}@db:5432/orders"),
        ("whsec_0123456789abcdef and sk_live_0123456789", f"{HIDDEN} and {HIDDEN}"),
    ],
)
def test_each_kind_is_hidden_and_nothing_around_it(text: str, left: str) -> None:
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "01a20f41-a914-721c-b56c-180dabbcda3a",
        "0af7651916cd43dd8448eb211c80319c",
        "GET /api/v1/orders/01a20f41-a914-721c-b56c-180dabbcda3a 200 in 3.2 ms",
        "a" * 64,
        "10:15 @ node 3, basically",
    ],
)
def test_ids_paths_and_digests_stay(text: str) -> None:
    assert redacted(text) == text


@given(st.text(), st.text(), st.sampled_from([TOKEN, EMAIL, REFRESH]))
def test_no_surroundings_let_one_through(before: str, after: str, secret: str) -> None:
    assert secret not in redacted(f"{before} {secret} {after}")


def test_keys_hide_their_values_at_any_depth() -> None:
    event = {"new_password": "x", "tokens": 3, "headers": [{"Set-Cookie": "a=b", "host": "shop"}], "at": None}
    assert without_secrets(event) == {
        "new_password": HIDDEN,
        "tokens": 3,
        "headers": [{"Set-Cookie": HIDDEN, "host": "shop"}],
        "at": None,
    }
    now = datetime.now(UTC)
    assert without_secrets({"at": now, "text": Readable(EMAIL)}) == {"at": now, "text": EMAIL}


def _fail() -> None:
    raise ValueError(f"duplicate key ({EMAIL}, {TOKEN})")


@pytest.mark.parametrize("stream", ["json", "console"], indirect=True)
def test_neither_our_lines_nor_those_of_libraries_nor_tracebacks_have_any(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("one").info("login", password="hunter22", who=EMAIL, why=ValueError(TOKEN))
    logging.getLogger("library").warning("connecting to %s", f"redis://:{REFRESH}@127.0.0.1:6379")
    try:
        _fail()
    except ValueError:
        structlog.stdlib.get_logger("two").exception("unexpected_error")
        logging.getLogger("library").exception("it failed for %s", EMAIL)
    written = stream.getvalue()
    assert written.count("ValueError: duplicate key") == 2
    assert "127.0.0.1:6379" in written
    for secret in (EMAIL, TOKEN, REFRESH, "hunter22"):
        assert secret not in written


def test_a_signal_makes_a_process_log_everything_and_another_takes_it_back(stream: io.StringIO) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    logs.follow_signals(LoggingSettings(level="warning"))
    try:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(os.getpid(), number)
            structlog.stdlib.get_logger("one").debug("detail", after=number.name)
            structlog.stdlib.get_logger("one").warning("fault", after=number.name)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    lines = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["after"]) for line in lines] == [
        ("detail", "SIGUSR1"),
        ("fault", "SIGUSR1"),
        ("fault", "SIGUSR2"),
    ]


def test_a_long_word_beside_an_address_takes_no_long_look() -> None:
    word = "a" * 1_000_000  # which would take minutes if each of its characters began a search
    assert redacted(f"{word} {EMAIL}") == f"{word} {HIDDEN}"
