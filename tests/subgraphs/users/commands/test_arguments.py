"""What the commands say of their arguments."""

import pytest

from subgraphs.kit.cli import main
from subgraphs.users.__main__ import SERVICE

MISUSE = {
    "the following arguments are required: --email": "users create-admin --username xyz",
    "unrecognized arguments: --password p": "users create-admin --username xyz --email x@example.com --password p",
    "invalid choice: 'GOD'": "users list --role GOD",
    "'0' is not a number from 1 to 1000": "users list --limit 0",
    "invalid choice: 'dismiss'": "users dismiss ann",
    "invalid choice: 'renew'": "keys renew",
    "the following arguments are required: kid": "keys remove",
}


@pytest.mark.parametrize("said", MISUSE)
def test_misuse_of_a_command_is_explained(capsys, said):
    with pytest.raises(SystemExit) as caught:
        main(SERVICE, MISUSE[said].split())
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["users", "users create-admin", "users list", "users disable", "keys rotate"]
)
def test_each_command_has_a_help_that_names_it_as_it_was_called(capsys, monkeypatch, command):
    monkeypatch.setenv("SUPERGRAPH_PROGRAM", "supergraph")
    with pytest.raises(SystemExit) as caught:
        main(SERVICE, [*command.split(), "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: supergraph {command} ")
