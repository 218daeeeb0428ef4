"""Several processes, started by torchrun, that train one network: the first decides, the others follow it.

Each process has a part of the streams. The first process sends each order to all others, and all carry it out
at the same time. Only the first one measures, prints, saves and decides when to end, so the processes cannot
disagree. When a process ends, its connections end too, so no other process waits for it.
"""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

# Import this before a process group exists. Otherwise its default arguments keep a reference to the group (torch 2.13),
# and a thread of the group can abort the process when it ends.
import torch.distributed.nn.functional
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

STEP, SAVE, END = range(3)  # orders
LONGEST_WAIT = timedelta(hours=12)  # of the other processes, while the first one measures


@dataclass(frozen=True)
class Processes:
    """The rank of this process, and the number of processes of the run."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def order(self, order: int = END, value: float = 0.0) -> tuple[int, float]:
        """Send the order and the value of the first process to all others; each process gets both."""
        told = torch.tensor([order, value], dtype=torch.float64)
        if self.size > 1:
            dist.broadcast(told, 0)
        return int(told[0]), float(told[1])

    def share(self, streams: Tensor, dim: int = 0) -> Tensor:
        """This process's part of `streams`, a tensor that has all streams along dimension `dim`."""
        return streams.tensor_split(self.size, dim)[self.rank].contiguous()

    def gather(self, own: Tensor, dim: int = 0) -> Tensor:
        """The parts of all processes, which have the same shape, joined along dimension `dim`."""
        if self.size == 1:
            return own
        parts = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(parts, own)
        return torch.cat(parts, dim)

    def sum(self, own: Tensor) -> float:
        """The sum of a number over all processes."""
        if self.size > 1:
            dist.all_reduce(own)
        return own.item()

    def parallel(self, module: nn.Module) -> nn.Module:
        """`module`, wrapped so that its gradients become the mean over all processes."""
        return DistributedDataParallel(module) if self.size > 1 else module

    def failed(self, here: bool) -> int | None:
        """The number of the first process that has failed; None if none has."""
        failures = self.gather(torch.tensor([here])).tolist()
        return failures.index(True) if any(failures) else None


ALONE = Processes()


def join(device_name: str) -> Processes:
    """Join the other processes of this run, if torchrun has started several; ValueError if there is no GPU for each."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        return ALONE
    on_gpus = device_name.startswith("cuda")
    if on_gpus:
        local, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= there:
            raise ValueError(f"there are only {there} GPUs here: give --nproc-per-node {max(1, there)} or --device cpu")
        torch.cuda.set_device(local)
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpus else "gloo", timeout=LONGEST_WAIT)
    return Processes(dist.get_rank(), size)


def leave() -> None:
    """End the connections to the other processes, and the threads that serve them."""
    if dist.is_initialized():
        dist.destroy_process_group()
