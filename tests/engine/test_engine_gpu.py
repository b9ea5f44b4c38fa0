"""What of a GPU a worker gets to see. There is none where this is tested: what is looked at is the command line."""

import sys
from itertools import pairwise
from pathlib import Path

import pytest

from detent.engine import LocalEngine, confinement, local, worker_prefix
from detent.engine.confinement import gpu_devices, host_prefix
from detent.values.jobs import Device

needs_bubblewrap = pytest.mark.skipif(not confinement().confined, reason=confinement().because or "confined")


def fake_devices(folder: Path) -> Path:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "null", "sda"):
        (folder / name).write_text("")
    return folder


def test_the_driver_is_used_through_these_files(tmp_path: Path) -> None:
    found = gpu_devices(fake_devices(tmp_path))
    assert [path.name for path in found] == ["nvidia-uvm", "nvidia0", "nvidia1", "nvidiactl"]


@needs_bubblewrap
def test_only_a_worker_that_is_given_devices_sees_them_and_the_hardware(tmp_path: Path) -> None:
    devices = gpu_devices(fake_devices(tmp_path))
    with_them = worker_prefix(readable=[], writable=[], environment={}, devices=devices)
    bound = {path for word, path in pairwise(with_them) if word == "--dev-bind"}
    assert bound == {str(path) for path in devices}
    assert {"/sys/bus/pci", "/sys/devices"} <= set(with_them)
    # Before /dev is made read-only, or they could not be put there.
    assert with_them.index("--dev-bind") < with_them.index("--remount-ro")
    for other in (worker_prefix(readable=[], writable=[], environment={}), host_prefix()):
        assert "--dev-bind" not in other
        assert "/sys/bus/pci" not in other


def engine(folder: Path, device: Device) -> LocalEngine:
    return LocalEngine(
        models=folder, data=folder, staging=folder, log=folder / "log", threads=1, device=device
    )


@pytest.mark.parametrize("device", ["cpu", "auto", "cuda"])
def test_a_worker_is_told_its_device_and_only_one_with_a_gpu_gets_its_settings(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = gpu_devices(fake_devices(tmp_path))
    monkeypatch.setattr(local, "gpu_devices", lambda: devices)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    command = engine(tmp_path, device)._command(fresh=False)
    assert command[command.index("--device") + 1] == device
    said = " ".join(command)
    assert ("CUBLAS_WORKSPACE_CONFIG" in said) == ("CUDA_VISIBLE_DEVICES" in said) == (device != "cpu")
    assert sys.executable in command


CHOICES = {None: ["0", "1", "0"], "1": ["1", "1", "1"], "1,0": ["1", "0", "1"]}


@pytest.mark.parametrize(("chosen", "wanted"), CHOICES.items())
def test_processes_get_one_gpu_each_in_turn_of_those_the_operator_chose(
    chosen: str | None, wanted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = gpu_devices(fake_devices(tmp_path))
    monkeypatch.setattr(local, "gpu_devices", lambda: devices)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    started = engine(tmp_path, "cuda")
    seen = [started._gpu_environment(devices)["CUDA_VISIBLE_DEVICES"] for _ in wanted]
    assert seen == wanted


def test_without_a_gpu_nothing_of_one_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = gpu_devices(fake_devices(tmp_path))
    monkeypatch.setattr(local, "gpu_devices", lambda: devices)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # all of them hidden
    assert "CUBLAS_WORKSPACE_CONFIG" not in " ".join(engine(tmp_path, "auto")._command(fresh=True))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(local, "gpu_devices", list)
    assert "CUBLAS_WORKSPACE_CONFIG" not in " ".join(engine(tmp_path, "auto")._command(fresh=True))
