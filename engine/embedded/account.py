"""PostgreSQL refuses to run as root: which account it runs as instead, and where that account can reach its files.

Folders that are not Coldframe's keep their modes. What the account cannot reach is put where it can.
"""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from pathlib import Path

from engine.embedded.process import EmbeddedError
from engine.platform.private import private_folder


def service_uid(data: Path) -> int | None:
    """The account for the server: None is our own; root takes the owner of existing data, else `nobody`.

    Raises EmbeddedError when the data belongs to somebody else and we may not act as them.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise EmbeddedError(f"{data} belongs to another user; delete it, or run as that user")
        return None
    if owner:
        return owner
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and this machine has no account `nobody`; run as an ordinary user"
        ) from None


def reaches(uid: int | None, path: Path) -> bool:
    """Whether the account can pass through every folder above `path` and enter `path`."""
    if uid is None:
        return True
    place = path.resolve()
    return all(_may_enter(uid, folder) for folder in (place, *place.parents))


def _may_enter(uid: int, folder: Path) -> bool:
    found = folder.stat()
    return bool(found.st_mode & (0o100 if found.st_uid == uid else 0o001))


def data_folder(home: Path, name: str = "postgres") -> Path:
    """The real place of the data: `home/name`, or where the link of that name points.

    Where the account cannot pass through `home`, a folder under `/var/tmp` is made and the link is set.
    """
    private_folder(home)
    place = (home / name).absolute()
    if place.exists():
        return place.resolve()
    place.unlink(missing_ok=True)  # a link to data that somebody has removed
    uid = service_uid(place)
    if reaches(uid, home):
        return place.resolve()
    outside = Path(tempfile.mkdtemp(prefix="coldframe-", dir="/var/tmp"))
    outside.chmod(0o711)
    place.symlink_to(outside / name)
    return outside / name


def erase(home: Path, name: str = "postgres") -> None:
    """Remove the data, wherever it is. The server must be stopped."""
    place = home / name
    if place.is_symlink():
        target = place.resolve()
        shutil.rmtree(target.parent, ignore_errors=True)
        place.unlink()
    else:
        shutil.rmtree(place, ignore_errors=True)


def own_folder(path: Path, uid: int | None) -> Path:
    """Make the folder, for the account alone."""
    path.mkdir(mode=0o700, exist_ok=True)
    if uid is not None:
        os.chown(path, uid, pwd.getpwuid(uid).pw_gid)
    path.chmod(0o700)
    return path


def reachable_copy(uid: int | None, installation: Path, libraries: Path) -> Path:
    """The installation itself where the account can reach it, else a copy in the temporary folder, made once.

    The copy keeps the two folders side by side as they were, since the programs find their libraries that way.
    """
    if reaches(uid, installation / "bin") and (not libraries.exists() or reaches(uid, libraries)):
        return installation
    package = installation.parent
    stamp = int(installation.stat().st_mtime)
    target = Path(tempfile.gettempdir()) / f"coldframe-{installation.name}-{stamp:x}"
    copy = target / package.name / installation.name
    if target.exists() and (target.stat().st_uid != os.geteuid() or target.stat().st_mode & 0o022):
        raise EmbeddedError(f"{target} was not created by Coldframe; delete it")
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix="coldframe-", dir=target.parent))
        shutil.copytree(installation, draft / package.name / installation.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for folder in (draft, draft / package.name):
            folder.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    return copy
