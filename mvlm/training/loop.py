"""The training loop: one for every model of the course, on one CPU, one GPU or many processes.

Chapters 06 and 10. Loshchilov and Hutter 2019 (decoupled weight decay) and 2017 (cosine);
Hugging Face `accelerate` carries the same lines to other machines:

    train(objective, data, TrainConfig(steps=1000), "runs/clip")
    accelerate launch -m mvlm train clip-patches --out runs/clip-patches

Everything that a step needs follows from its number: the examples it reads, the rate it learns
at, the seed it draws from. So a run that was stopped goes on from its last checkpoint to the
result it would have had, and two processes give the losses of one.
"""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import is_tensorboard_available, send_to_device
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

Batch = Any
Data = Callable[[range], Batch]
"""Gives the examples of these numbers as one batch: always the same for the same numbers."""
CHECKPOINT = "checkpoint.safetensors"
METRICS = "metrics.csv"


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is trained.

    Attributes:
        steps: how many times the weights change.
        batch_size: examples a step, of all processes together.
        learning_rate: the highest, reached after the warm-up.
        warmup: steps in which it rises from 0; afterwards it falls to 0 along a cosine.
        weight_decay: how much of every MATRIX is taken away a step, times the learning rate.
            Biases, gains and other vectors keep theirs: they are few and have no reason to be 0.
        betas: AdamW's two memories.
        clip_norm: gradients longer than this, all taken together, are shortened to it.
        save_every: steps from one checkpoint to the next.
        seed: of whatever is drawn during training.
        workers: processes that prepare batches; 0 prepares them in turn with the steps.
    """

    steps: int = 1000
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup: int = 50
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.98)
    clip_norm: float = 1.0
    save_every: int = 200
    seed: int = 0
    workers: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "save_every", "clip_norm", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}: pass more than 0")
        object.__setattr__(self, "betas", tuple(self.betas))


def learning_rate(step: int, config: TrainConfig) -> float:
    """Up in a straight line during the warm-up, then down along half a cosine to 0."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * (1 + math.cos(math.pi * done)) / 2


def make_optimiser(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over what is to be trained, with weight decay on matrices and none on vectors."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    if not trained:
        raise ValueError("every weight is frozen: leave requires_grad on for some")
    groups = [
        {"params": [w for w in trained if w.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [w for w in trained if w.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas)


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """One step: its number, its mean loss over all processes, its rate and the gradient's norm."""

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    examples_per_second: float


def train(
    objective: nn.Module,
    data: Data,
    config: TrainConfig,
    folder: str | os.PathLike,
    *,
    recipe: Mapping[str, Any] | None = None,
    after_step: Callable[[Metrics], None] | None = None,
) -> list[Metrics]:
    """Train until `config.steps`, from the checkpoint in `folder` if there is one.

    Args:
        objective: a module whose `forward(batch)` gives `(total, count)`: a loss summed over the
            batch and what to divide it by. The loss is worked out INSIDE forward, because several
            processes exchange gradients only of what passes through it.
        data: numbers of examples → a batch. Step s asks for s·B to (s+1)·B − 1, each process for
            its share.
        config: see `TrainConfig`.
        folder: takes `checkpoint.safetensors` and `metrics.csv`.
        recipe: whatever else the result depends on, by name: the data's settings, the model's, …
            It stands in the checkpoint, and a run goes on only with the same.
        after_step: called with each step's metrics, on the main process: a live curve, say.

    Returns:
        The metrics of the steps taken now.

    Raises:
        FloatingPointError: the loss or the gradient is no longer a number; the weights of the last
            checkpoint are whole.
        ValueError: the folder's checkpoint belongs to another run or is damaged, or nothing can be
            trained.
    """
    folder = Path(folder)
    accelerator = make_accelerator(folder)
    share = share_of_batch(config, accelerator)
    optimiser = make_optimiser(objective, config)
    start = load_checkpoint(folder, objective, optimiser, config, recipe)
    wrapped, optimiser = accelerator.prepare(objective, optimiser)
    wrapped.train()
    log, history = MetricsFile(folder, start, accelerator), []
    batches = DataLoader(
        Steps(data, config.batch_size, share),
        sampler=range(start, config.steps),
        batch_size=None,
        num_workers=config.workers,
    )
    bar = tqdm(batches, initial=start, total=config.steps, disable=not accelerator.is_main_process)
    began = time.perf_counter()
    for step, batch in enumerate(bar, start):
        torch.manual_seed(config.seed * 1_000_003 + step)  # dropout draws by the step's number too
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, config)

        with accelerator.autocast():
            total, count = wrapped(send_to_device(batch, accelerator.device))
        # Processes may hold unequal counts (answers differ in length): all divide by the mean one,
        # so that the mean of their gradients is that of one process with the whole batch.
        count = accelerator.reduce(count.detach().float(), "mean")
        accelerator.backward(total / count)
        norm = accelerator.clip_grad_norm_(wrapped.parameters(), config.clip_norm)
        loss = (accelerator.reduce(total.detach().float(), "mean") / count).item()
        stop_if_broken(loss, norm, step, folder)

        optimiser.step()
        optimiser.zero_grad()
        if hasattr(objective, "after_step"):
            objective.after_step()  # CLIP clamps its scale here, and nowhere else

        now = time.perf_counter()
        rate, began = config.batch_size / (now - began), now  # with the time its batch took
        metrics = Metrics(
            step=step,
            loss=loss,
            learning_rate=learning_rate(step, config),
            gradient_norm=float(norm),
            examples_per_second=rate,
        )
        history.append(metrics)
        log.write(metrics)
        bar.set_postfix_str(f"loss {loss:.3f}, {rate:.0f} examples/s")
        if after_step is not None and accelerator.is_main_process:
            after_step(metrics)
        if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
            if accelerator.is_main_process:
                save_checkpoint(folder, objective, optimiser, config, step + 1, recipe)
            accelerator.wait_for_everyone()
    log.close()
    return history


def make_accelerator(folder: Path) -> Accelerator:
    """bfloat16 on a GPU that computes in it; on a CPU everything stays float32.

    Compute capability 8 (Ampere) and later do. `is_bf16_supported` alone says yes of a T4 too,
    where torch only imitates it.
    """
    bfloat16 = (
        torch.cuda.is_available()
        and torch.cuda.is_bf16_supported()
        and torch.cuda.get_device_capability() >= (8, 0)
    )
    return Accelerator(
        mixed_precision="bf16" if bfloat16 else "no",
        log_with="tensorboard" if is_tensorboard_available() else None,
        project_dir=folder,
    )


def share_of_batch(config: TrainConfig, accelerator: Accelerator) -> slice:
    """Which part of each step's examples this process works on."""
    processes = accelerator.num_processes
    if config.batch_size % processes:
        raise ValueError(
            f"batch_size {config.batch_size} does not divide into {processes} processes: "
            f"pass a multiple of {processes}"
        )
    size = config.batch_size // processes
    return slice(accelerator.process_index * size, (accelerator.process_index + 1) * size)


class Steps(Dataset):
    """The batches by the number of their step."""

    def __init__(self, data: Data, batch_size: int, share: slice) -> None:
        self.data, self.batch_size, self.share = data, batch_size, share

    def __getitem__(self, step: int) -> Batch:
        return self.data(range(step * self.batch_size, (step + 1) * self.batch_size)[self.share])


def stop_if_broken(loss: float, norm: Tensor, step: int, folder: Path) -> None:
    """Raise while the weights are still those before the step."""
    if math.isfinite(loss) and math.isfinite(norm):
        return
    checkpoint, saved = folder / CHECKPOINT, "no checkpoint was saved yet"
    if checkpoint.exists():
        saved = f"the last good checkpoint is {checkpoint}, at step {saved_step(folder)}"
    raise FloatingPointError(
        f"step {step}: the loss is {loss} and the gradient's norm {float(norm)}; {saved}. "
        "Lower the learning rate, or look at this step's batch"
    )


def save_checkpoint(
    folder: Path,
    objective: nn.Module,
    optimiser: torch.optim.Optimizer,
    config: TrainConfig,
    step: int,
    recipe: Mapping[str, Any] | None = None,
) -> None:
    """Weights, the optimiser's memories, the settings and the step, in one safetensors file."""
    tensors = {f"model.{name}": tensor for name, tensor in trained_state(objective).items()}
    for index, memory in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in memory.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"step": str(step), "config": json.dumps(asdict(config))}
    if recipe is not None:
        metadata["recipe"] = json.dumps(recipe)
    write_whole(folder / CHECKPOINT, to_bytes(tensors, metadata))


def trained_state(objective: nn.Module) -> dict[str, Tensor]:
    """The weights without frozen ones, which never change and are kept elsewhere."""
    frozen = {name for name, weight in objective.named_parameters() if not weight.requires_grad}
    return {name: t for name, t in objective.state_dict().items() if name not in frozen}


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there wholly or not at all, whatever happens meanwhile.

    A process killed half-way, or a full disk, leaves the file that was there before: the new one
    is written beside it, brought to the disk, and only then takes its name, in one step.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(path.suffix + ".new")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(
            error.errno,
            f"{path} could not be written ({error.strerror}); what was there before "
            "is whole. Make room and start again",
        ) from error


def load_checkpoint(
    folder: Path,
    objective: nn.Module,
    optimiser: torch.optim.Optimizer,
    config: TrainConfig,
    recipe: Mapping[str, Any] | None = None,
) -> int:
    """Put the folder's checkpoint into model and optimiser; return the step to go on with.

    All is compared before anything is changed: settings, names and shapes.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return 0
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"{path} is damaged ({error}): delete it to begin again, or choose another folder"
        ) from error
    check_same_run(path, json.loads(metadata["config"]), asdict(config))
    if recipe is not None and "recipe" in metadata:
        check_same_run(path, json.loads(metadata["recipe"]), recipe)
    weights = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    check_same_weights(path, weights, trained_state(objective))
    objective.load_state_dict(weights, strict=False)
    memories: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, index, memory = name.split(".")
            memories.setdefault(int(index), {})[memory] = tensor
    optimiser.load_state_dict(optimiser.state_dict() | {"state": memories})
    return int(metadata["step"])


def saved_step(folder: Path) -> int:
    """The step that the folder's checkpoint was saved after."""
    with safe_open(folder / CHECKPOINT, "pt") as file:
        return int(file.metadata()["step"])


def check_same_run(path: Path, saved: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raise when a setting that the result depends on has changed since the checkpoint."""
    saved, ours = by_name(saved), by_name(json.loads(json.dumps(ours)))
    for name in sorted(ours.keys() | saved.keys()):
        if name.rpartition(".")[2] in UNIMPORTANT:
            continue
        before, now = saved.get(name, "not there"), ours.get(name, "not there")
        if before != now:
            raise ValueError(
                f"{path} was made with {name} {before}, this run has {now}: "
                "use the same, or choose another folder"
            )


UNIMPORTANT = ("workers", "save_every", "gigabytes")
"""Settings that a run's result does not depend on."""


def by_name(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings flat, named as on the command line: {"views.turn": 12.0, …}."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        inner = isinstance(value, Mapping)
        flat |= by_name(value, f"{before}{name}.") if inner else {f"{before}{name}": value}
    return flat


def check_same_weights(path: Path, saved: dict[str, Tensor], ours: dict[str, Tensor]) -> None:
    """Raise when the checkpoint's tensors are not those that are trained now."""
    if saved.keys() != ours.keys():
        odd = sorted(saved.keys() ^ ours.keys())[0]
        raise ValueError(
            f"{path} holds another model's weights ({len(saved)} tensors, {len(ours)} are trained "
            f"now; {odd} is in one of them only): choose another folder for this run"
        )
    for name, tensor in ours.items():
        if saved[name].shape != tensor.shape:
            raise ValueError(
                f"{path} holds another model's weights ({name} is {tuple(saved[name].shape)}, here "
                f"{tuple(tensor.shape)}): choose another folder for this run"
            )


class MetricsFile:
    """`metrics.csv`, a row a step; and TensorBoard's files where it is installed.

    Rows from `start` on are taken out when a run goes on: it will write them again.
    """

    def __init__(self, folder: Path, start: int, accelerator: Accelerator) -> None:
        self.accelerator, self.file = accelerator, None
        if accelerator.log_with:
            accelerator.init_trackers("tensorboard")
        if accelerator.is_main_process:
            path = folder / METRICS
            kept = [row for row in read_metrics(folder) if row.step < start]
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = path.open("w", newline="")
            self.writer = csv.DictWriter(self.file, list(Metrics.__dataclass_fields__))
            self.writer.writeheader()
            self.writer.writerows(asdict(row) for row in kept)

    def write(self, metrics: Metrics) -> None:
        values = asdict(metrics)
        if self.file is not None:
            self.writer.writerow(values)
            self.file.flush()
        if self.accelerator.log_with:
            self.accelerator.log({n: v for n, v in values.items() if n != "step"}, metrics.step)

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
        if self.accelerator.log_with:
            self.accelerator.end_training()


def read_metrics(folder: str | os.PathLike) -> list[Metrics]:
    """The rows of a run's `metrics.csv`, for its curve; none when there is no such file.

    A last row that was cut off, when the machine stopped in the middle of it, is left out.
    """
    path = Path(folder) / METRICS
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            Metrics(step=int(row.pop("step")), **{name: float(v) for name, v in row.items()})
            for row in csv.DictReader(file)
            if all(row.values())
        ]
