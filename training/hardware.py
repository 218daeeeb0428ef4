"""What the machine at hand can do."""

import contextlib
import ctypes
import os
import platform
import sys

import torch


def has_bfloat16(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 run on hardware made for them; elsewhere they are slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "avx10_2"))


def prepare(device_name: str) -> torch.device:
    """The device of that name, with this process set up for it; ValueError where there is none."""
    try:
        device = torch.device(device_name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {device_name} is not to be had here: use --device cpu") from error
    if sys.platform == "linux":
        # A training step frees and takes the same hundreds of megabytes again; glibc would give them back to the system
        # each time, which costs a fifth of the step (mallopt(3): M_MMAP_MAX, M_TRIM_THRESHOLD).
        with contextlib.suppress(OSError, AttributeError):  # another C library
            libc = ctypes.CDLL(None)
            libc.mallopt(-4, 0)
            libc.mallopt(-1, 2**31 - 1)
    # Before torch starts its threads, since they inherit it: numbers too small for float32's normal range are slow.
    torch.set_flush_denormal(True)
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return device


def describe(device: torch.device) -> str:
    """The machine in a few words, for the training record."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    return f"{name}, {threads} thread{'s' * (threads != 1)}"
