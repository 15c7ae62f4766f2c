"""Whom to run PostgreSQL as when we are root (it refuses root), and what that user can reach."""

import os
import pwd
import stat
from pathlib import Path

from deploy.local.process.parent_death import SystemUser

_CANDIDATES = ("postgres", "nobody")


def unprivileged(owned: Path) -> SystemUser | None:
    """None where we are not root; else the owner of `owned` if it is there, else a user this system has.

    No user is created: that would outlast the clone.
    """
    if os.geteuid() != 0:
        return None
    if owned.exists() and owned.stat().st_uid != 0:
        status = owned.stat()
        return SystemUser(name=_name(status.st_uid), uid=status.st_uid, gid=status.st_gid)
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemUser(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise LookupError(f"none of the system users {', '.join(_CANDIDATES)} exists")


def closed_to(account: SystemUser, path: Path) -> Path | None:
    """The first folder on the way to `path` that the user cannot pass; None if there is none."""
    for folder in [*reversed(path.absolute().parents)]:
        if not folder.exists():
            return None
        status = folder.stat()
        needed = (
            stat.S_IXUSR
            if status.st_uid == account.uid
            else stat.S_IXGRP
            if status.st_gid == account.gid
            else stat.S_IXOTH
        )
        if not status.st_mode & needed:
            return folder
    return None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
