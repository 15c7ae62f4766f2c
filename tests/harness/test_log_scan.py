"""What a log must not hold is found where it is, and its file is named."""

from pathlib import Path

import jwt
import pytest

from tests.harness.log_scan import leaks

HARMLESS = (
    '{"event": "request", "path": "/api/v1/orders/01a20f41-a914-721c-b56c-180dabbcda3a", "status": 200}\n'
)


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        (jwt.encode({"sub": "ann"}, "k" * 32, algorithm="HS256"), "a JWT"),
        ("ann@example.com", "an e-mail address"),
        ("password123", "a password"),
        ("UBRWh--qxCJyTyM2IHSzG4pAzhSDCfY2z9gxyUaK63I", "an opaque token"),
        ("UBRWh--qxCJyTyM2IHSzG4pAzhSDCfY2z9gxyUaK63I" * 2, "a refresh token"),
    ],
)
def test_each_kind_is_found(tmp_path: Path, planted: str, kind: str) -> None:
    (tmp_path / "clean.log").write_text(HARMLESS * 2)
    (tmp_path / "users.log").write_text(f"{HARMLESS}said: {planted}\n{HARMLESS}")
    assert leaks(tmp_path) == [f"users.log holds {kind}: said: {planted}"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert leaks(tmp_path / "none") == []
