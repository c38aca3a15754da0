"""``python benchmarks/plan.py``: the site's page on many machines, with its plan on paper.

What a run costs is worked out from the models' shapes, from what `make bench` measured and from
figures that others published. Each of those stands below once, with its source.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from page import read, table

from mvlm.clip import VARIANTS, CLIPConfig, TextConfig, clip_vision_config
from mvlm.transformer import TransformerConfig
from mvlm.vit import SIZES

PAGE = Path(__file__).parents[1] / "book/reference/many_machines.md"

DAY = 86_400  # seconds
EPOCHS = 32  # CLIP, section 2.5
# CLIP, section 2.5: "the largest Vision Transformer took 12 days on 256 V100 GPUs".
PUBLISHED = {"model": "ViT-L/14", "gpus": 256, "days": 12, "pairs": 400e6, "batch": 32_768}
RESNET = {"gpus": 592, "days": 18}  # RN50x64, the same section
# Dense 16-bit tensor-core operations a second, from NVIDIA's data sheets of the three GPUs.
PEAK = {"V100": 125e12, "A100": 312e12, "H100": 989e12}
MEMORY = {"V100": 32, "A100": 80, "H100": 80}  # GB, of the larger versions
# LAION-400M (Schuhmann et al. 2021): 10 TB for images of at most 256 pixels, texts and metadata.
BYTES_A_PAIR = 10e12 / 400e6
# Korthikanti et al. 2022, equation 1, without the table of attention weights, which is not kept.
ACTIVATION_BYTES = 34  # a layer, a token and a number of its vector
WEIGHT_BYTES = 16  # weight, gradient and AdamW's two memories, float32
NETWORK = 25e9  # bytes a second out of one GPU: 200 Gbit/s, an assumption
PRICE = 2.0  # dollars for an hour of one GPU, an assumption: put in your own


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the plan: how many pairs, which model, on what, at which batch."""

    pairs: float
    model: str
    gpu: str
    gpus: int
    batch: int


RUNS = (
    Run(pairs=1e6, model="ViT-B/32", gpu="A100", gpus=1, batch=1024),
    Run(pairs=1e7, model="ViT-B/32", gpu="A100", gpus=8, batch=8192),
    Run(pairs=1e8, model="ViT-B/16", gpu="A100", gpus=64, batch=16_384),
    Run(pairs=4e8, model="ViT-L/14", gpu="V100", gpus=256, batch=32_768),
    Run(pairs=4e8, model="ViT-L/14", gpu="H100", gpus=256, batch=32_768),
)


def config_of(model: str) -> CLIPConfig:
    size, patch_size, image_size, text, embed_dim = VARIANTS[model]
    image = clip_vision_config(image_size=image_size, patch_size=patch_size, **SIZES[size])
    return CLIPConfig(image=image, text=TextConfig(**text), embed_dim=embed_dim)


def block_weights(config: TransformerConfig) -> int:
    """Numbers in all matrices of the blocks: queries, keys, values, out; up and down."""
    return config.depth * (4 * config.width**2 + 2 * config.width * config.filled.mlp_width)


def towers(config: CLIPConfig) -> tuple[tuple[TransformerConfig, int], ...]:
    """Each tower's blocks, and how many tokens they see."""
    rows, columns = config.image.grid
    image = (config.image, 1 + rows * columns)
    return image, (config.text, config.text.context_length)


def forward_flops(config: CLIPConfig) -> float:
    """Operations for one pair: two for each weight and token, and the two products of attention."""
    total = 0.0
    for blocks, tokens in towers(config):
        total += 2 * tokens * block_weights(blocks) + 4 * tokens**2 * blocks.width * blocks.depth
    patch = config.image.channels * config.image.patch_size**2
    return total + 2 * (towers(config)[0][1] - 1) * patch * config.image.width


def weights(config: CLIPConfig) -> float:
    """Numbers to learn, biases and norms left out."""
    blocks = sum(block_weights(part) for part, _ in towers(config))
    vectors = config.text.vocab_size + config.text.context_length + config.embed_dim
    patch = config.image.channels * config.image.patch_size**2
    return blocks + vectors * config.text.width + (patch + config.embed_dim) * config.image.width


def efficiency() -> float:
    """The share of a V100's peak that CLIP's own largest run reached."""
    flops = 3 * forward_flops(config_of(PUBLISHED["model"])) * PUBLISHED["pairs"] * EPOCHS
    return flops / (PUBLISHED["gpus"] * PUBLISHED["days"] * DAY * PEAK["V100"])


def plan(run: Run) -> dict[str, float]:
    """What the run takes."""
    config, share = config_of(run.model), run.batch // run.gpus
    rate = run.gpus * PEAK[run.gpu] * efficiency() / (3 * forward_flops(config))  # pairs a second
    seconds = run.pairs * EPOCHS / rate
    activations = share * sum(
        ACTIVATION_BYTES * tokens * blocks.width * blocks.depth for blocks, tokens in towers(config)
    )
    # Scores in float32 and their softmax, for own images and for own texts, and the gradients.
    scores = 6 * 4 * share * run.batch
    sent = (run.gpus - 1) / run.gpus
    # Features in float32: gathered, and their gradients summed on the way back.
    features = 2 * 2 * sent * run.batch * config.embed_dim * 4
    gradients = 2 * sent * weights(config) * 4  # a ring's all-reduce sends everything twice
    return {
        "steps": math.ceil(run.pairs * EPOCHS / run.batch),
        "rate": rate,
        "days": seconds / DAY,
        "hours": seconds / 3600 * run.gpus,
        "memory": WEIGHT_BYTES * weights(config) + activations + scores,
        "features": features,
        "gradients": gradients,
        "network": (features + gradients) / NETWORK / (run.batch / rate),
        "read": rate * BYTES_A_PAIR,
        "store": run.pairs * BYTES_A_PAIR,
    }


def span(days: float) -> str:
    """A time as one says it."""
    return f"{days:,.1f} days" if days >= 1 else f"{days * 24:.1f} hours"


def amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plan_rows() -> tuple[list[tuple], list[tuple]]:
    """The plan as two tables: what it takes, and what it asks of a machine."""
    takes, asks = [], []
    for run in RUNS:
        found = plan(run)
        name = f"{run.pairs:,.0f}, {run.model}, {run.gpus} × {run.gpu}"
        takes.append(
            (
                name,
                f"{run.batch:,}",
                f"{found['steps']:,}",
                span(found["days"]),
                f"{amount(found['hours'])} h",
                f"{amount(found['hours'] * PRICE)} dollars",
            )
        )
        asks.append(
            (
                name,
                f"{found['memory'] / 1e9:.0f} of {MEMORY[run.gpu]} GB",
                f"{found['features'] / 1e6:.0f} + {found['gradients'] / 1e6:,.0f} MB",
                f"{found['network']:.0%}",
                f"{amount(found['rate'])} pairs/s, {found['read'] / 1e9:.2g} GB/s",
                f"{found['store'] / 1e12:.3g} TB",
            )
        )
    return takes, asks


def measured() -> str:
    """What this project's own machine does, from `results.json`."""
    tasks = read("results.json").get("cpu", {})
    lines = []
    for row in tasks.get("clip", {}).get("rows", []):
        if row["peer"] == "open_clip" and "77 tokens" in row["task"]:
            days = 1e6 * EPOCHS / row["ours"] / DAY
            lines.append(
                f"Two CPU cores train CLIP ViT-B/32 at {row['ours']:.2g} pairs a second. A million "
                f"pairs, {EPOCHS} times over, would take them {days:,.0f} days: this is why the "
                f"course trains on 40×40 drawings."
            )
    for row in tasks.get("processes", {}).get("rows", []):
        if row["unit"] == "pairs/s":
            lines.append(
                f"The course's first CLIP, of two plain towers, trains at {row['ours']:.0f} pairs a second in two "
                f"processes with a core each, and at {row['theirs']:.0f} in one with both cores."
            )
        else:
            lines.append(
                f"Over the same steps the losses of the two runs differ by at most "
                f"{row['ours']:.1e}."
            )
    return " ".join(lines) or "Nothing was measured yet: run `make bench`."


CODE = """import os

from datasets.distributed import split_dataset_by_node
from torch.utils.data import DataLoader

from mvlm.data import stream_scenes

rank = int(os.environ.get("RANK", 0))                 # torchrun says who is who
processes = int(os.environ.get("WORLD_SIZE", 1))
stream = stream_scenes("train", count=640).select_columns(["image", "caption"])
mine = split_dataset_by_node(stream, rank=rank, world_size=processes)
batches = DataLoader(mine, batch_size=8, collate_fn=list)
captions = [row["caption"] for batch in batches for row in batch]
"""


def text() -> str:
    """The whole page, in Markdown."""
    takes, asks = plan_rows()
    largest = config_of(PUBLISHED["model"])
    return f"""---
myst:
  html_meta:
    description: "Train on several GPUs and several machines with the same command, and a plan on paper for CLIP from a million to 400 million pairs."
---

# Many machines

The course's training runs in one process or in many, with the same losses. This page says how to start it, how to share out data that does not fit on one disk, and what CLIP's own run would take.

## One command, more processes

`python -m mvlm train clip-patches --out runs/clip-patches` runs in one process. [`torchrun`](https://docs.pytorch.org/docs/stable/elastic/run.html), which comes with torch, starts several, each with a GPU of its own:

```text
torchrun --nproc_per_node=8 -m mvlm train clip-patches --out runs/clip-patches
```

On several machines the same is started on each of them, with the name of one of them, which the others ask for the way. The folder must be one that all of them see.

```text
torchrun --nnodes=4 --nproc_per_node=8 --rdzv_backend=c10d --rdzv_id=clip \\
    --rdzv_endpoint=FIRST_MACHINE:29500 -m mvlm train clip-patches --out /shared/runs/clip-patches
```

[`accelerate launch`](https://huggingface.co/docs/accelerate/basic_tutorials/launch) does it too, and takes its settings from a file that `accelerate config` asks for once:

```text
accelerate launch --multi_gpu --num_machines=4 --num_processes=32 --machine_rank=0 \\
    --main_process_ip=FIRST_MACHINE --main_process_port=29500 \\
    -m mvlm train clip-patches --out /shared/runs/clip-patches
```

Without a GPU, two processes on one machine show that it works: `ACCELERATE_USE_CPU=true OMP_NUM_THREADS=1 torchrun --nproc_per_node=2 -m mvlm train clip-patches --out runs/two`.

What stays the same: `batch_size` is that of all processes together, and example number 17 is the same everywhere, so each process draws its own share of every batch and nothing has to be sent round. What is exchanged are the gradients, by DistributedDataParallel, and CLIP's features, by `mvlm.contrastive.distributed_clip_loss`: every process compares its own pairs with all others', and the mean of the shares is the loss of the whole batch. Chapter 05 says why the gradient has to pass through that gather. Tests start two real processes and compare losses, gradients and weights with one's.

{measured()}

## Data that is read as it comes

Files are shared out by the piece. A streamed `datasets.IterableDataset` knows its shards; `split_dataset_by_node` gives each process whole shards where their number divides by the number of processes, and otherwise every process reads everything and keeps one row in so many. So make as many files as you may ever have processes, or a multiple. Here are the course's scenes, which come in 64 shards:

```python
{CODE}```

For files of your own, put `load_dataset("webdataset", data_files=FILES, split="train", streaming=True)` in place of `stream_scenes(…)`, and shuffle with `.shuffle(buffer_size=10_000, seed=0)`, which mixes the order of the shards and the rows within a buffer. A test runs the code above as two processes would and finds every scene once.

## A plan on paper

CLIP's paper (section 2.5) states that ViT-L/14 took {PUBLISHED["days"]} days on {PUBLISHED["gpus"]} V100s: {EPOCHS} passes over 400 million pairs, in batches of {PUBLISHED["batch"]:,}. Its largest ResNet took {RESNET["days"]} days on {RESNET["gpus"]}. One pair costs this model {forward_flops(largest) / 1e9:.0f} GFLOP forward and three times that with the way back, so the run reached {efficiency():.0%} of what the GPUs' data sheets promise ({PEAK["V100"] / 1e12:.0f} TFLOP/s). The plan takes the same share for every GPU; that is a guess for newer ones. An hour of one GPU is put at {PRICE:.0f} dollars, which is an assumption: multiply.

{table(("pairs, model, GPUs", "batch", "steps", "time", "GPU hours", "cost"), takes)}

And what it asks of each machine:

{table(("pairs, model, GPUs", "memory of a GPU", "sent a step: features + gradients", "of the step's time", "data read", "stored"), asks)}

How to read it:

- **Memory** is {WEIGHT_BYTES} bytes for each weight (weight, gradient, AdamW's two memories), {ACTIVATION_BYTES} bytes for each layer, token and number of activations in 16 bits ([Korthikanti et al. 2022](https://arxiv.org/abs/2205.05198), equation 1), and the process's own scores. Where it does not fit, activations are computed again on the way back, or the batch is divided among more GPUs. The plan finds CLIP's own run {"too large for" if plan(RUNS[3])["memory"] > MEMORY["V100"] * 1e9 else "small enough for"} the memory of a V100, and the paper says that it computed activations again and kept AdamW's memories in half precision.
- **The loss** is not what fills it: a process holds its share of rows and columns, never the whole table. On one GPU with a large batch `clip_loss_chunked` takes the table away altogether.
- **The network** is counted at {NETWORK / 1e9:.0f} GB/s a GPU, as if nothing overlapped with computing; gradients do overlap in practice. The features are the smaller part: they grow with the batch, gradients with the model.
- **Data**: {BYTES_A_PAIR / 1e3:.0f} kB a pair, from LAION-400M's 10 TB ([Schuhmann et al. 2021](https://arxiv.org/abs/2111.02114)).

Peak rates are NVIDIA's data sheets' for dense 16-bit products: {", ".join(f"{name} {rate / 1e12:.0f} TFLOP/s" for name, rate in PEAK.items())}. `benchmarks/plan.py` computes this page.
"""


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
    print(PAGE.name, "written")
    print(json.dumps([plan(run) for run in RUNS], indent=1))
