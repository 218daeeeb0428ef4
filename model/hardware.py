"""The cores, memory and number formats of this machine, and how this process uses them."""

import contextlib
import ctypes
import math
import os
import platform
import sys
from pathlib import Path

import torch

CGROUP = Path("/sys/fs/cgroup")


def cores() -> int:
    """Return how many processor cores this process may use: in a container its quota, not the cores of the host.

    Processes that torchrun has started together share the cores and the memory.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for files in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):  # cgroups, version 2 and 1
        with contextlib.suppress(OSError, ValueError):  # no such file, or a quota of "max"
            quota, period = " ".join((CGROUP / file).read_text() for file in files).split()
            if int(quota) > 0:
                allowed = min(allowed, max(1, math.ceil(int(quota) / int(period))))
    return max(1, allowed // processes())


def processes() -> int:
    """How many processes torchrun has started on this machine, this one among them."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def memory(device: torch.device) -> float:
    """How many bytes of memory this process may use on `device`; infinite if the system does not say."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    allowed = math.inf
    with contextlib.suppress(OSError, ValueError, AttributeError):  # AttributeError: Windows
        allowed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for file in ("memory.max", "memory/memory.limit_in_bytes"):  # cgroups, version 2 and 1
        with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
            allowed = min(allowed, int((CGROUP / file).read_text()))
    return allowed / processes()


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware has matrix products in bfloat16; if not, they are far slower than those in float32.

    The answer does not depend on a measured time: a training run that is resumed after a crash must use the same
    precision as before.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "avx10_2"))


def writing_threads() -> int:
    """Return the number of threads for writing: one core is left to the server, and memory limits more than four."""
    return max(1, min(4, cores() - 1))


def use(threads: int) -> str:
    """Compute with `threads` threads from now on, and flush denormal numbers to zero; return a line about both.

    Call it before torch starts its threads, which inherit the setting. Denormal numbers, those close to zero, are slow.
    """
    flushed = torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    return (
        f"computing with {threads} thread{'s' * (threads != 1)} on {cores()} core{'s' * (cores() != 1)}, "
        f"denormal numbers {'flushed to zero' if flushed else 'kept, which this processor cannot flush'}"
    )


def prepare(device_name: str, threads: int | None = None) -> torch.device:
    """Set up this process to train with `threads` threads, by default one for each core; return the device.

    ValueError if the device is not available, or if `threads` is not from 1 to 1,024.
    """
    if threads is not None and not 1 <= threads <= 1024:
        raise ValueError(f"threads is {threads}, but must be a whole number from 1 to 1,024")
    try:
        device = torch.device(device_name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {device_name} is not available here: use --device cpu") from error
    if sys.platform == "linux":
        # Each training step frees hundreds of megabytes and allocates them again. By default glibc returns them to the
        # system every time, which costs a fifth of the step (mallopt(3): M_MMAP_MAX, M_TRIM_THRESHOLD).
        with contextlib.suppress(OSError, AttributeError):  # another C library
            libc = ctypes.CDLL(None)
            libc.mallopt(-4, 0)
            libc.mallopt(-1, 2**31 - 1)
    use(threads or cores())
    return device


def describe(device: torch.device) -> str:
    """The machine in a few words, for the training record."""
    together = f", {processes()} processes" * (processes() > 1)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device) + together
    name = torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    return f"{name}, {threads} thread{'s' * (threads != 1)}{together}"
