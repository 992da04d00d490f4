"""The processes of a data-parallel run, as torchrun starts them; one process otherwise."""

import os
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from adr_train.errors import TrainError


@dataclass(frozen=True)
class Processes:
    rank: int
    count: int
    device: torch.device

    @classmethod
    def start(cls, device: str, shards: int) -> "Processes":
        """Join the group that torchrun set up in the environment: NCCL on CUDA, gloo on the CPU. Raises TrainError
        before it does where a batch's shards cannot be divided evenly."""
        rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        check_division(count, shards)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise TrainError("--device cuda: PyTorch finds no usable CUDA GPU here; use --device cpu")
        if device == "cuda":
            index = int(os.environ.get("LOCAL_RANK", 0))
            torch.cuda.set_device(index)
            device = f"cuda:{index}"
        if count > 1:
            distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        return cls(rank, count, torch.device(device))

    def share(self, shards: int) -> range:
        """The shards of a batch that fall to this process, as many as fall to any other. Raises TrainError."""
        check_division(self.count, shards)
        return range(self.rank, shards, self.count)

    def stop(self) -> None:
        """Leave the group together. A process that left while another still held gloo's connections was seen to abort
        on its way out ("terminate called without an active exception")."""
        if self.count > 1:
            distributed.barrier()
            distributed.destroy_process_group()

    def sum(self, value: Tensor) -> Tensor:
        if self.count > 1:
            distributed.all_reduce(value)
        return value

    def first(self, value: float) -> float:
        """Rank 0's value, so that clocks never disagree about when to stop."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return shared.item()

    def largest(self, value: int) -> int:
        """The largest value of all processes."""
        if self.count == 1:
            return value
        shared = torch.tensor(value, device=self.device)
        distributed.all_reduce(shared, distributed.ReduceOp.MAX)
        return int(shared.item())


def check_division(count: int, shards: int) -> None:
    """With other counts some processes would compute more shards than others, or none."""
    if shards % count:
        works = [str(n) for n in range(1, shards + 1) if shards % n == 0]
        raise TrainError(
            f"{count} processes cannot share the {shards} shards of a batch evenly: give torchrun --nproc-per-node "
            f"{' or '.join(works)}, or the recipe's train another number of shards"
        )
