"""Tie a child to its launcher: it gets a signal from the kernel when the launcher dies, however it dies.

`with_parent_death_signal()` turns a command into one that runs this file first, which asks for the signal (prctl(2),
PR_SET_PDEATHSIG), drops root where asked, and then becomes the command: no process stays in between. A
`preexec_fn` would do the same, but runs Python between fork and exec, which deadlocks where threads are.

The kernel watches the *thread* that started the child, so start children from a thread that lives as long as
they should. Elsewhere than on Linux there is no such signal, and only an orderly stop ends the children.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_CANNOT_EXECUTE = 126
_NOT_FOUND = 127


@dataclass(frozen=True)
class SystemUser:
    """A system user to run a child as; only root can choose one."""

    name: str
    uid: int
    gid: int


def with_parent_death_signal(
    argv: Sequence[str], *, death: signal.Signals = signal.SIGKILL, account: SystemUser | None = None
) -> list[str]:
    """The command that runs `argv` tied to this process.

    `death` is what the child gets when this process is gone; a child that ignores it would outlive it, so
    anything but SIGKILL is for servers known to leave at once.
    """
    who = f"{account.uid}:{account.gid}" if account else "-"
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(death)), who, *argv]


def main(arguments: Sequence[str]) -> int:
    """Become the command after `PARENT SIGNAL UID:GID`; returns only if that fails."""
    parent, death, who, *argv = arguments
    if who != "-":
        uid, gid = map(int, who.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user: that clears the request.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(death), 0, 0, 0)
    if os.getppid() != int(parent):
        return 0  # the launcher died between fork and prctl, so no signal will come
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is the intent
    except FileNotFoundError:
        sys.stderr.write(f"{argv[0]}: no such program\n")
        return _NOT_FOUND
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: cannot be started: {error.strerror}\n")
        return _CANNOT_EXECUTE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
