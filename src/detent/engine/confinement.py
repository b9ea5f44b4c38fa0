"""What a process without keys may see and use: a command prefix for bubblewrap and the shell's limits.

    >>> command = [*worker_prefix(readable=[models, data], writable=[staging]), sys.executable, "-P", "-m", ...]

Inside: Python and its libraries, the folders named, a private /tmp (read-only for who may write nowhere); no home,
no network (but for a sampler), no other process, no capability, a clean environment. Where bubblewrap is missing or
not permitted, only the limits and the clean environment are left, and `confinement()` says so. What each side of that
means: docs/confinement.md.
"""

import os
import shutil
import site
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM_READABLE = (
    "/etc/alternatives",  # Debian: where /usr's links to libraries lead
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/nix/store",
    # Mathematics libraries choose block sizes by cache size: without it, sums are rounded in another order.
    "/sys/devices/system/cpu",
)
_HARDWARE = ("/sys/bus/pci", "/sys/devices")  # where the driver looks for its devices; only with a GPU
_NOT_FOR_COMPUTING = {"nvidia-modeset"}  # screens
_NETWORK = (
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/ssl",
    "/etc/pki",
)
"""How names become addresses, and which certificates are believed."""

_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "USER": "detent",  # libraries that name a cache folder after the user look here before /etc/passwd
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
# $1 blocks of 512 bytes a file, $2 kilobytes of data or "unlimited", $3 processes or "" for as many as the user may.
# Bash and dash name the limit on processes differently.
_LIMITS = """\
ulimit -c 0 && ulimit -f "$1" && ulimit -d "$2" || exit 71
if [ -n "$3" ]; then ulimit -u "$3" 2>/dev/null || ulimit -p "$3" 2>/dev/null; fi
shift 3; exec "$@"
"""
_TRIAL_SECONDS = 20.0
_TMP_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may use, kept by the kernel (setrlimit). Core dumps are always off."""

    file_bytes: int = 16 << 30  # the largest file it may write
    memory_bytes: int | None = None  # private memory (RLIMIT_DATA); None: as much as there is
    processes: int = 4096  # processes and threads; only kept when confined, where nobody else's are counted


@dataclass(frozen=True, slots=True)
class Confinement:
    """Whether processes can be confined here, and if not, why: a clause that goes after "unconfined:"."""

    confined: bool
    because: str


@cache
def confinement() -> Confinement:
    """Try it, once a process: start Python in a real confinement, and report what came of it."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return Confinement(confined=False, because="bubblewrap (bwrap) is not installed")
    try:
        command = [*_bwrap(bwrap, (), ()), *_limited(Limits(), confined=True)]
        command += [sys.executable, "-I", "-S", "-c", ""]
        trial = subprocess.run(command, capture_output=True, env={}, check=False, timeout=_TRIAL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Confinement(confined=False, because=f"bubblewrap could not be tried: {error}")
    if trial.returncode != 0:
        said = trial.stderr.decode(errors="replace").strip().partition("\n")[0]
        return Confinement(
            confined=False, because=f"bubblewrap is not permitted here: {said or 'no reason given'}"
        )
    return Confinement(confined=True, because="")


def worker_prefix(
    *,
    readable: Sequence[Path],
    writable: Sequence[Path],
    limits: Limits | None = None,
    environment: dict[str, str],
    devices: Sequence[Path] = (),
) -> list[str]:
    """What goes before a worker's command line.

    Args:
        readable: folders it may read, seen at their own paths.
        writable: folders it may also write.
        limits: what it may use.
        environment: variables it gets beside the usual ones; it gets none of ours.
        devices: files in /dev it may use, as `gpu_devices` lists them; where there are some, it may also read what
            /sys says of the machine's hardware.
    """
    return _prefix(readable, writable, limits or Limits(), environment, devices)


def gpu_devices(dev: Path = Path("/dev")) -> list[Path]:
    """The files through which NVIDIA's driver is used, of all GPUs; none where there is none.

    The driver's libraries lie in /usr, CUDA's among Python's packages: both are readable anyway.
    """
    return sorted(path for path in dev.glob("nvidia*") if path.name not in _NOT_FOR_COMPUTING)


def host_prefix(readable: Sequence[Path] = (), limits: Limits | None = None) -> list[str]:
    """What goes before the command line of a user's task: as a worker, but nothing can be written.

    The task host is given its source through a pipe, so by default there is nothing of the user's to read.
    """
    return _prefix(readable, (), limits or Limits(file_bytes=0), {}, ())


def sampler_prefix(kept: Path) -> list[str]:
    """What goes before the command line of a sampler: as a worker without models and data, but with a network.

    kept: the folder of answers that were paid for, which it may write.
    """
    limits = Limits(file_bytes=1 << 30, memory_bytes=4 << 30)
    return _prefix((), (kept,), limits, {}, (), network=True)


def _prefix(
    readable: Sequence[Path],
    writable: Sequence[Path],
    limits: Limits,
    environment: dict[str, str],
    devices: Sequence[Path],
    *,
    network: bool = False,
) -> list[str]:
    confined = confinement().confined
    variables = _ENVIRONMENT | {"HOME": "/tmp" if confined else "/nonexistent"} | environment  # noqa: S108  a private one
    limited = _limited(limits, confined=confined)
    if not confined:
        return ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items()), *limited]
    settings = [word for name, value in variables.items() for word in ("--setenv", name, value)]
    bwrap = shutil.which("bwrap") or "bwrap"
    return [*_bwrap(bwrap, readable, writable, settings, devices, network=network), *limited]


def _limited(limits: Limits, *, confined: bool) -> list[str]:
    """The shell sets limits on itself and then becomes the command: no code of ours runs between fork and exec."""
    memory = "unlimited" if limits.memory_bytes is None else str(limits.memory_bytes >> 10)
    processes = str(limits.processes) if confined else ""
    return ["/bin/sh", "-c", _LIMITS, "sh", str(limits.file_bytes >> 9), memory, processes]


def _bwrap(
    bwrap: str,
    readable: Sequence[Path],
    writable: Sequence[Path],
    settings: Sequence[str] = (),
    devices: Sequence[Path] = (),
    *,
    network: bool = False,
) -> list[str]:
    """The bubblewrap command line, up to and with `--`."""
    known = _bwrap_help(bwrap)
    return [
        bwrap,
        *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts"),
        *([] if network else ["--unshare-net"]),
        *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "detent"),
        *("--cap-drop", "ALL"),
        *(["--disable-userns"] if "--disable-userns" in known else []),  # from bubblewrap 0.8 on
        *("--proc", "/proc", "--dev", "/dev"),
        *_bound("--dev-bind", devices),
        *(["--size", str(_TMP_BYTES)] if "--size" in known else []),  # from 0.6 on; of the next tmpfs
        *("--tmpfs", "/tmp"),  # noqa: S108  a private one
        *_system(),
        *(word for name in _HARDWARE if devices for word in ("--ro-bind-try", name, name)),
        *([word for name in _NETWORK for word in ("--ro-bind-try", name, name)] if network else []),
        *_bound("--ro-bind", _python_folders()),
        *_detours(Path(sys.executable)),
        *_bound("--ro-bind", readable),
        *_bound("--bind", writable),
        # Bubblewrap leaves /proc/sys writable to a root user's process, and with it the whole machine; and /dev
        # is a file system in memory without a limit.
        *("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"),
        *([] if writable else ["--remount-ro", "/tmp"]),  # noqa: S108  who may write nowhere leaves no traces
        *("--chdir", "/", "--clearenv"),
        *settings,
        "--",
    ]


@cache
def _bwrap_help(bwrap: str) -> str:
    return subprocess.run(
        [bwrap, "--help"], capture_output=True, text=True, check=False, timeout=_TRIAL_SECONDS
    ).stdout


def _system() -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, _SYSTEM_LINKS):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for name in _SYSTEM_READABLE:
        words += ["--ro-bind-try", name, name]
    return words


def _python_folders() -> list[Path]:
    """Python, its libraries and this package; never a whole prefix, which may be somebody's home."""
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_exec_prefix)}
    prefixes |= {Path(sys.executable).resolve().parents[1]}
    parts = [prefix / name for prefix in sorted(prefixes) for name in ("bin", "lib", "lib64", "pyvenv.cfg")]
    parts.append(Path(__file__).absolute().parents[1])
    if site.ENABLE_USER_SITE:
        parts.append(Path(site.getusersitepackages()))
    return [part for part in parts if os.access(part, os.R_OK) and not part.is_relative_to("/usr")]


def _detours(path: Path) -> list[str]:
    """Empty folders so that `path` leads inside where it leads outside, when it is written with `..` in it."""
    steps = zip(reversed(path.parents), path.parts[1:], strict=True)
    return [word for folder, step in steps if step == ".." for word in ("--dir", str(folder))]


def _bound(how: str, paths: Sequence[Path]) -> list[str]:
    """Bind each path where it is; what it links to is what is seen there."""
    return [word for path in paths for word in (how, str(path.resolve()), str(path.absolute()))]
