"""What a run will cost, said before its first step, and what it did cost, said after its last.

Minutes are measured: a few steps that change no weight. Memory is counted: what autograd keeps of
one example and of two tells what it keeps of a batch. Where that is too much, the blocks are
worked out a second time on the way back and keep only what enters them (Chen et al. 2016,
"Training Deep Nets with Sublinear Memory Cost").
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from mvlm.training.loop import (
    CHECKPOINT,
    Batch,
    Data,
    TrainConfig,
    make_accelerator,
    saved_step,
    share_of_batch,
)
from mvlm.transformer import Block

TRIALS = 3
GB = 1e9


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run is expected to cost.

    Attributes:
        steps: still to take.
        batch_size: examples a step, of all processes together.
        device: where.
        batch_seconds, step_seconds: of making a batch and of what the model does with it.
        seconds: of one step; batches that are made meanwhile cost nothing.
        bytes, room: of memory that it will take at most in each process, and that it may take.
        recomputed: whether blocks are worked out twice to save memory.
    """

    steps: int
    batch_size: int
    device: str
    batch_seconds: float
    step_seconds: float
    seconds: float
    bytes: float
    room: float
    recomputed: bool

    def __str__(self) -> str:
        twice = "; blocks are worked out twice to save memory" if self.recomputed else ""
        return (
            f"estimate: {self.steps} steps of {self.batch_size} on {self.device}, "
            f"{self.seconds:.2f} s each ({self.step_seconds:.2f} s for the model, "
            f"{self.batch_seconds:.2f} s for its batch): {self.minutes:.1f} minutes; "
            f"{self.bytes / GB:.1f} GB of memory, {self.room / GB:.1f} GB are there{twice}"
        )

    @property
    def minutes(self) -> float:
        """Of all steps that are still to take."""
        return self.steps * self.seconds / 60

    def beside(self, seconds: float, peak: float) -> str:
        """The estimate beside what came out."""
        return (
            f"estimated {self.minutes:.1f} minutes and {self.bytes / GB:.1f} GB; "
            f"it took {seconds / 60:.1f} minutes and at most {peak / GB:.1f} GB"
        )


def make_budget(
    objective: nn.Module,
    data: Data,
    config: TrainConfig,
    folder: Path,
    gigabytes: float = 0.0,
    widest: Data | None = None,
) -> Budget:
    """Measure a few steps, and see that the run fits; no weight changes.

    Args:
        objective, data, config, folder: as `train` will get them. The objective goes to the
            device; where memory wants it, its blocks are recomputed from here on.
        gigabytes: that it may take; 0 for what is free.
        widest: gives as many examples as the range has, those that take most memory; left out,
            `data`, whose examples then all take about the same.

    Raises:
        ValueError: the run does not fit, and how large a batch would.
    """
    accelerator = make_accelerator(folder)
    share = share_of_batch(config, accelerator)
    done = saved_step(folder) if (folder / CHECKPOINT).exists() else 0
    objective.to(accelerator.device).train()
    start = min(done, config.steps - 1) * config.batch_size
    own = range(start, start + config.batch_size)[share]
    needed, recomputed, room = fit(objective, widest or data, own, accelerator, gigabytes * GB)
    batch_seconds, step_seconds = measure(objective, data, own, config.batch_size, accelerator)
    waited = max(0.0, batch_seconds / config.workers - step_seconds) if config.workers else None
    if accelerator.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    return Budget(
        steps=config.steps - done,
        batch_size=config.batch_size,
        device=str(accelerator.device),
        batch_seconds=batch_seconds,
        step_seconds=step_seconds,
        seconds=step_seconds + (batch_seconds if waited is None else waited),
        bytes=needed,
        room=room,
        recomputed=recomputed,
    )


def fit(
    objective: nn.Module, data: Data, own: range, accelerator: Accelerator, allowed: float
) -> tuple[float, bool, float]:
    """(bytes at the peak, whether blocks have to be recomputed, bytes there); they then are.

    Raises:
        ValueError: it does not fit even so.
    """
    keep_blocks_(objective)
    taken, free = memory(accelerator.device)
    room = allowed or taken + free
    trained = sum(w.numel() for w in objective.parameters() if w.requires_grad)
    fixed = taken + 3 * 4 * trained  # gradients and AdamW's two memories, in float32
    if accelerator.device.type == "cpu":
        # A checkpoint is copied and turned into bytes there, and what is freed is seldom given
        # back. (From a GPU it goes to the machine's memory, which is not what is counted.)
        fixed += 2 * 3 * 4 * trained
    one, two = (kept(objective, data(own[:n]), accelerator) for n in (1, min(2, len(own))))
    # AdamW works with copies as large as what it trains, when what was kept is gone.
    plain, saving = (
        max(first + (second - first) * (len(own) - 1), 4 * trained)
        for first, second in zip(one, two, strict=True)
    )
    if fixed + plain <= room:
        return fixed + plain, False, room
    if fixed + saving > room:
        slope = max(1.0, two[1] - one[1])
        fits = max(0, int((room - fixed - one[1]) / slope) + 1)
        mend = f"lower train.batch_size, to about {fits} a process" if fits > 1 else (
            "take a smaller model, or a machine with more"
        )  # fmt: skip
        raise ValueError(
            f"a step takes about {(fixed + saving) / GB:.2f} GB, blocks worked out twice, and "
            f"{room / GB:.2f} GB are there: {mend}"
        )
    recompute_blocks_(objective)
    return fixed + saving, True, room


def kept(objective: nn.Module, batch: Batch, accelerator: Accelerator) -> tuple[int, int]:
    """Bytes that autograd keeps of a batch: as it is, and with every block recomputed.

    Recomputed, each block keeps what enters it, and one after the other keeps all of its own.
    """
    weights = {w.untyped_storage().data_ptr() for w in [*objective.parameters()]}
    seen: dict[int, int] = {}
    blocks: list[tuple[int, int]] = []  # what enters each, and what it keeps

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    def before(block: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        block.kept_before = sum(seen.values())

    def after(block: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.requires_grad:
            blocks.append((inputs[0].nbytes, sum(seen.values()) - block.kept_before))
        del block.kept_before

    with hooked(objective, before, after), saved_tensors_hooks(pack, lambda tensor: tensor):
        with accelerator.autocast():
            total, _ = objective(send_to_device(batch, accelerator.device))
        plain = sum(seen.values())
    del total
    if not blocks:
        return plain, plain
    inputs, inside = (sum(each) for each in zip(*blocks, strict=True))
    return plain, min(plain, plain - inside + inputs + max(own for _, own in blocks))


@contextmanager
def hooked(objective: nn.Module, before: object, after: object) -> Iterator[None]:
    """These two called around every block of a transformer."""
    blocks = [module for module in objective.modules() if isinstance(module, Block)]
    handles = [block.register_forward_pre_hook(before) for block in blocks]
    handles += [block.register_forward_hook(after) for block in blocks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def recompute_blocks_(objective: nn.Module) -> None:
    """Have every block keep only what enters it, and work the rest out again on the way back."""
    for module in objective.modules():
        if isinstance(module, Block):
            module.forward = partial(checkpoint, module.forward, use_reentrant=False)


def keep_blocks_(objective: nn.Module) -> None:
    """Undo `recompute_blocks_`."""
    for module in objective.modules():
        if isinstance(module, Block):
            module.__dict__.pop("forward", None)


def measure(
    objective: nn.Module, data: Data, own: range, batch_size: int, accelerator: Accelerator
) -> tuple[float, float]:
    """Seconds for a batch, and for the way through the model and back; the first is not counted."""
    batches, steps = [], []
    for trial in range(1 + TRIALS):
        shift = trial * batch_size  # batches differ in length
        began = time.perf_counter()
        batch = data(range(own.start + shift, own.stop + shift))
        made = time.perf_counter()
        with accelerator.autocast():
            total, count = objective(send_to_device(batch, accelerator.device))
        (total / count).backward()
        total.item()  # waits for the GPU
        batches.append(made - began)
        steps.append(time.perf_counter() - made)
        objective.zero_grad()
    return sum(batches[1:]) / TRIALS, sum(steps[1:]) / TRIALS


def memory(device: torch.device) -> tuple[float, float]:
    """Bytes that this process has taken, and that are free."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.memory_allocated(device), free + unused
    return psutil.Process().memory_info().rss, psutil.virtual_memory().available


def peak_memory(device: torch.device) -> float:
    """The most bytes that this process has had: on a GPU since `make_budget`, else ever."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):  # Windows
        return info.peak_wset
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
