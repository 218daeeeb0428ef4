"""The capabilities of this machine, and the errors for those that it lacks."""

import os
from pathlib import Path

import pytest
import torch

from model import hardware

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("own_process")


def test_the_cpu_is_always_available() -> None:
    assert hardware.prepare("cpu") == CPU


@pytest.mark.parametrize("name", ["abacus", "", "cpu:x", "cuda:99", "cuda:-5"])
def test_a_device_that_is_not_there_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"\Adevice .* is not available here: use --device cpu\Z"):
        hardware.prepare(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_cuda_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="device cuda is not available here: use --device cpu"):
        hardware.prepare("cuda")


def test_a_prepared_process_uses_the_processors_it_may_and_rounds_tiny_numbers_to_zero() -> None:
    torch.set_flush_denormal(False)
    torch.set_num_threads(1)
    tiny = torch.tensor([1e-40])
    assert (tiny * 0.5).item() > 0
    hardware.prepare("cpu")
    assert torch.get_num_threads() == hardware.cores()
    if torch.set_flush_denormal(True):  # not every processor can
        assert (tiny * 0.5).item() == 0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "20000 100000"}, 1),
        ({"cpu.max": "6400000 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu.max": "nonsense"}, 8),
    ],
    ids=str,
)
def test_a_containers_quota_counts_and_not_its_hosts_cores(
    files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert hardware.cores() == expected
    assert hardware.writing_threads() == max(1, min(4, expected - 1))


def test_the_used_hardware_is_described_in_one_line() -> None:
    line = hardware.use(1)
    assert torch.get_num_threads() == 1
    assert line.startswith("computing with 1 thread on ")
    assert "denormal" in line
    assert "\n" not in line


def test_the_description_names_the_threads_in_one_line() -> None:
    torch.set_num_threads(1)
    assert hardware.describe(CPU).endswith(", 1 thread")
    torch.set_num_threads(2)
    assert hardware.describe(CPU).endswith(", 2 threads")
    assert not hardware.describe(CPU).startswith(",")
    assert "\n" not in hardware.describe(CPU)


def test_bfloat16_is_reported_only_where_the_processor_has_it() -> None:
    capabilities = torch.cpu.get_capabilities()
    has = [name for name, value in capabilities.items() if value is True and "bf16" in name]
    assert hardware.has_bfloat16(CPU) is bool(has or capabilities.get("avx10_2"))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 1000 * 4096),
        ({"memory.max": "max\n"}, 1000 * 4096),
        ({"memory.max": "1048576\n"}, 1048576),
        ({"memory/memory.limit_in_bytes": "1048576"}, 1048576),
        ({"memory/memory.limit_in_bytes": "9223372036854771712"}, 1000 * 4096),
    ],
    ids=str,
)
def test_the_memory_limit_of_a_container_counts(
    files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.__getitem__, raising=False)
    assert hardware.memory(CPU) == expected


def test_the_memory_of_this_machine_is_found() -> None:
    assert 10**8 < hardware.memory(CPU) < 10**14
