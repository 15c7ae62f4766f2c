import os
from pathlib import Path

import pytest

from deploy.local.process.output import Output, harmless


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[2J\x1b[31mroot#", r"\x1b[2J\x1b[31mroot#"),
        ("\x9b2J", r"\x9b2J"),  # C1: one character that begins a sequence
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("paid: 9\rpaid: 0", r"paid: 9\rpaid: 0"),
        ("a\x08b\x00c\x7f", r"a\x08b\x00c\x7f"),
        ("invoice\u202efdp.exe\u2069", r"invoice\u202efdp.exe\u2069"),
        ("one\u2028two", r"one\u2028two"),
        ("plain\ttext, naïve, 日本語, 🦊", "plain\ttext, naïve, 日本語, 🦊"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(line: str, shown: str):
    assert harmless(line) == shown


async def test_lines_are_shown_harmless_and_filed_as_they_came(tmp_path: Path):
    seen: list[str] = []
    output = Output(tmp_path / "logs" / "child.log", seen.append)
    reader, writer = os.pipe()
    sent = b'request path="/\x1b]52;c;cm0gLXJm\x07"\r\nsecond\n\xff\xfe'
    os.write(writer, sent)
    os.close(writer)
    await output.pump(reader)
    output.close()
    assert seen == [r'request path="/\x1b]52;c;cm0gLXJm\x07"', "second", "\ufffd\ufffd"]
    assert list(output.last) == seen
    assert output.path.read_bytes() == sent + b"\n"
