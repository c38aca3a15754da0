"""``make bench``: mvlm beside timm, transformers, open_clip, einops and plain torch.

`python benchmarks/speed.py` runs every task, `python benchmarks/speed.py vit` one of them, and puts
what came out into `benchmarks/results.json`. All figures are float32 on a CPU, on all its cores; on
a GPU the models run in bfloat16. See `harness.py` for how two programs are compared.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from harness import DEVICE, OURS, Row, contest, machine, matmul_rate, rows, run, save, seconds
from torch import Tensor, nn
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

LOSS_PAIRS = (1024, 4096, 16_384, 32_768)
ENOUGH = 4.6  # tables of scores that open_clip's loss holds at its peak, and something to spare


def autocast() -> torch.autocast:
    return torch.autocast(DEVICE.type, dtype=torch.bfloat16, enabled=DEVICE.type == "cuda")


def agree(ours: Tensor, theirs: Tensor, name: str) -> None:
    """The same weights and inputs must give the same outputs, or nothing is compared."""
    tolerance = 5e-2 if DEVICE.type == "cuda" else 1e-4
    torch.testing.assert_close(
        theirs, ours, atol=tolerance, rtol=tolerance, msg=lambda m: f"{name} disagrees: {m}"
    )


# ---------------------------------------------------------------- the vision transformer


def vit() -> list[Row]:
    """Images a second forward, and forward and backward: ViT-B/16 and the course's ViT."""
    from mvlm.vit import SIZES, ViTConfig
    from mvlm.weights import vit as course_vit

    course, _ = course_vit()
    base = ViTConfig(num_classes=1000, **SIZES["B"])
    many = DEVICE.type == "cuda"
    made = vit_rows("ViT-B/16", base, batch=256 if many else 4)
    return made + vit_rows("the course's ViT", course.config, batch=2048 if many else 64)


def vit_rows(name: str, config, batch: int) -> list[Row]:
    from peers import vits

    ours, others = vits(config)
    models = {OURS: ours, **others}
    images = torch.randn(batch, 3, *config.image_size, device=DEVICE)
    for model in models.values():
        model.to(DEVICE).train()
    with torch.no_grad(), autocast():
        want = ours(images)
        for peer, model in others.items():
            agree(model(images), want, peer)

    def forward(model: nn.Module) -> None:
        with torch.no_grad(), autocast():
            model(images)

    def both(model: nn.Module) -> None:
        with autocast():
            model(images).square().mean().backward()
        model.zero_grad(set_to_none=True)

    made = []
    for what, step in (("forward", forward), ("forward and backward", both)):
        times = contest({peer: partial(step, model) for peer, model in models.items()}, rounds=6)
        task = f"{name}, {what}, batch {batch}"
        made += rows(task, times, unit="images/s", amount=batch)
        made.append(share_of_peak(task, count_flops(partial(step, ours)), times))
    return made


def count_flops(call: Callable[[], object]) -> int:
    """Operations of a call; torch's counter does not know the CPU's fused attention by itself."""
    fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    back = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    known = {
        fused: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
        back: lambda grad, q, k, v, *_, **__: sdpa_backward_flop_count(grad, q, k, v),
    }
    with FlopCounterMode(display=False, custom_mapping=known) as counter:
        call()
    return counter.get_total_flops()


def share_of_peak(task: str, flops: int, times: dict[str, list[float]]) -> Row:
    """How much of the rate of a large matrix product alone the best round reached."""
    rates = {peer: flops / min(took) / 1e9 for peer, took in times.items()}
    limit = matmul_rate() / 1e9
    return Row(
        task=task,
        peer="the machine's matrix product",
        ours=round(rates[OURS]),
        theirs=round(limit),
        unit="GFLOP/s",
        ratio=round(rates[OURS] / limit, 3),
    )


# ---------------------------------------------------------------- CLIP


def clip() -> list[Row]:
    """A whole training step of CLIP ViT-B/32: both towers, the loss, backward, AdamW."""
    from peers import clips, open_clip_loss

    from mvlm.contrastive import clip_loss

    ours, others = clips()
    models = {OURS: ours, **others}
    counts = {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}
    assert len(set(counts.values())) == 1, counts
    their_loss = open_clip_loss()
    optimisers = {}
    for name, model in models.items():
        model.to(DEVICE).train()
        # At a rate of 0 the work is the same, and the weights stay the same too.
        optimisers[name] = torch.optim.AdamW(model.parameters(), lr=0.0)

    def loss_of(name: str, images: Tensor, ids: Tensor) -> Tensor:
        model = models[name]
        if name == OURS:
            features = model.encode_image(images), model.encode_text(ids)
            return clip_loss(*features, model.logit_scale.exp())
        if name == "open_clip":
            return their_loss(*model(images, ids))
        return model(input_ids=ids, pixel_values=images, return_loss=True).loss

    def step(name: str, images: Tensor, ids: Tensor) -> None:
        with autocast():
            loss = loss_of(name, images, ids)
        loss.backward()
        optimisers[name].step()
        optimisers[name].zero_grad()

    made = []
    for batch in (64, 256, 1024) if DEVICE.type == "cuda" else (32,):
        for tokens in (77, 20):
            images = torch.randn(batch, 3, 224, 224, device=DEVICE)
            ids = torch.randint(1, 49_405, (batch, 77), device=DEVICE)
            ids[:, tokens - 1], ids[:, tokens:] = 49_407, 0
            with torch.no_grad(), autocast():
                want = loss_of(OURS, images, ids)
                agree(loss_of("transformers", images, ids), want, "transformers")
            turns = 3 if tokens == 77 else 2
            calls = {name: partial(step, name, images, ids) for name in models}
            times = contest(calls, rounds=turns)
            task = f"CLIP ViT-B/32, training step, batch {batch}, texts of {tokens} tokens in 77"
            made += rows(task, times, unit="pairs/s", amount=batch)
    return made


def loss() -> list[Row]:
    """The loss alone, value and gradients: time and peak memory, each in a process of its own."""
    made = []
    for pairs in LOSS_PAIRS:
        turns = 5 if pairs < 8192 else 1
        needed = ENOUGH * 4 * pairs**2
        names = [OURS] if DEVICE.type == "cpu" and needed > available() else [OURS, "open_clip"]
        with tempfile.TemporaryDirectory() as folder:
            found = {name: in_a_process(name, pairs, turns, Path(folder)) for name in names}
            task = f"CLIP loss alone, N = {pairs:,}"
            if len(names) == 1:
                made.append(lonely(f"{task}, time", found[OURS]["seconds"][0], "s"))
                made.append(lonely(f"{task}, peak memory", found[OURS]["bytes"] / 1e6, "MB"))
                continue
            times = {name: result["seconds"] for name, result in found.items()}
            made += rows(f"{task}, time", times, unit="s")
            taken = {name: round(result["bytes"] / 1e6) for name, result in found.items()}
            one, other = (torch.load(Path(folder) / f"{name}.pt") for name in names)
        made.append(
            Row(
                task=f"{task}, peak memory",
                peer="open_clip",
                ours=taken[OURS],
                theirs=taken["open_clip"],
                unit="MB",
                ratio=round(taken["open_clip"] / taken[OURS], 2),
            )
        )
        apart = max((a - b).abs().max().item() for a, b in zip(one, other, strict=True))
        made.append(
            Row(
                task=f"{task}, largest difference in value and gradients",
                peer="open_clip",
                ours=float(f"{apart:.1e}"),
                theirs=None,
                unit="",
            )
        )
    return made


def lonely(task: str, value: float, unit: str) -> Row:
    """A row whose peer did not fit into this machine's memory."""
    return Row(task=task, peer="open_clip", ours=round(value, 2), theirs=None, unit=unit)


def available() -> int:
    """Bytes of memory that a new process may take."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) * 1024
    raise SystemExit("the loss task reads /proc/meminfo: run it on Linux")


def in_a_process(name: str, pairs: int, turns: int, folder: Path) -> dict:
    """What `measure_loss` finds, in a new process: its peak memory is then its own."""
    command = [sys.executable, __file__, "--loss", name, str(pairs), str(turns), str(folder)]
    return run(command).told()


def measure_loss(name: str, pairs: int, turns: int, folder: Path) -> None:
    """Print the seconds of each turn, and the most memory that was taken beyond the features'."""
    from peers import open_clip_loss

    from mvlm.contrastive import clip_loss_chunked

    torch.manual_seed(pairs)
    compute = clip_loss_chunked if name == OURS else open_clip_loss()
    images, texts = (
        F.normalize(torch.randn(pairs, 512, device=DEVICE), dim=1).requires_grad_()
        for _ in range(2)
    )
    scale = torch.tensor(100.0, device=DEVICE, requires_grad=True)
    inputs = (images, texts, scale)
    for _ in range(2):  # the libraries' own memory is taken before it is counted
        small = [images[:64], texts[:64], scale]
        torch.autograd.grad(compute(*small), small)
    before, took = memory("VmRSS"), []
    for _ in range(turns):

        def step() -> list[Tensor]:
            value = compute(*inputs)
            return [value.detach(), *torch.autograd.grad(value, inputs)]

        results: list[list[Tensor]] = []
        took.append(seconds(lambda: results.append(step())))  # noqa: B023
    peak = memory("VmHWM") - before
    torch.save([tensor.cpu() for tensor in results[0]], folder / f"{name}.pt")
    print(json.dumps({"seconds": took, "bytes": peak}))


def memory(field: str) -> int:
    """This process's memory now (VmRSS) or at its highest (VmHWM), in bytes."""
    if DEVICE.type == "cuda":
        now, highest = torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated()
        return now if field == "VmRSS" else highest
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) * 1024


# ---------------------------------------------------------------- language models


def language() -> list[Row]:
    """Prefill and decode against `transformers.generate`, greedily, with the same weights."""
    from mvlm.language import VARIANTS
    from mvlm.weights import language as course_language

    settings = [
        ("the course's language model", course_language().config, ((1, 32), (1, 256), (16, 32))),
        ("SmolLM2-135M", VARIANTS["SmolLM2-135M"], ((1, 32), (1, 512), (8, 32))),
    ]
    made = []
    for name, config, shapes in settings:
        made += language_rows(name, config, shapes)
    return made


def language_rows(name: str, config, shapes: tuple[tuple[int, int], ...]) -> list[Row]:
    from peers import languages

    ours, theirs = languages(config)
    dtype = torch.bfloat16 if DEVICE.type == "cuda" else torch.float32
    ours, theirs = ours.to(DEVICE, dtype), theirs.to(DEVICE, dtype)
    if DEVICE.type == "cpu":
        ours.lay_by_columns_()
    made = []
    for batch, prompt in shapes:
        ids = torch.randint(2, config.vocab_size, (batch, prompt), device=DEVICE)
        calls = {
            OURS: lambda new, ids=ids: ours.generate(ids, max_new_tokens=new),
            "transformers": partial(their_answer, theirs, input_ids=ids),
        }
        made += generation_rows(name, calls, batch=batch, prompt=prompt, new=steps(config))
    return made


def steps(config) -> int:
    """Tokens to generate: more of a small model, so that they can be told from the prefill."""
    return 64 if config.width < 256 else 24


def their_answer(model: nn.Module, new: int, **inputs: Tensor) -> list[list[int]]:
    """`new` tokens by transformers' own loop, likeliest first, with no early end."""
    ids = inputs["input_ids"]
    given = model.generate(
        **inputs,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=new,
        min_new_tokens=new,
    )
    return given[:, ids.shape[1] :].tolist()


def generation_rows(
    name: str, calls: dict[str, Callable[[int], list]], *, batch: int, prompt: int, new: int
) -> list[Row]:
    """One token is the prefill; what `new` tokens take longer is the decoding."""
    first, *others = (call(new) for call in calls.values())
    assert all(tokens == first for tokens in others), f"{name}: the tokens differ"
    contenders = {
        (peer, count): partial(call, count) for peer, call in calls.items() for count in (1, new)
    }
    times = contest(contenders, rounds=5)
    prefill = {peer: times[peer, 1] for peer in calls}
    decode = {
        peer: [long - short for short, long in zip(times[peer, 1], times[peer, new], strict=True)]
        for peer in calls
    }
    shape = f"{batch} × {prompt} tokens"
    return [
        *rows(f"{name}, prefill, {shape}", prefill, unit="tokens/s", amount=batch * prompt),
        *rows(f"{name}, decode, {shape}", decode, unit="tokens/s", amount=batch * (new - 1)),
    ]


def llava() -> list[Row]:
    """LLaVA's answers: a picture and a question in, tokens out, against transformers'."""
    from mvlm.clip import clip_vision_config
    from mvlm.language import VARIANTS
    from mvlm.vit import SIZES
    from mvlm.weights import llava as course_llava

    course = course_llava().language.config
    small = clip_vision_config(image_size=120, patch_size=40, width=128, depth=4, heads=4)
    large = clip_vision_config(patch_size=32, **SIZES["B"])
    made = llava_rows("LLaVA of the course's shape", small, course)
    return made + llava_rows("LLaVA of CLIP B/32 and SmolLM2", large, VARIANTS["SmolLM2-135M"])


def llava_rows(name: str, vision, config) -> list[Row]:
    from peers import IMAGE_TOKEN, llavas

    from mvlm.chat import IMAGE_MARKER

    ours, theirs = llavas(vision, config)
    ours, theirs = ours.to(DEVICE), theirs.to(DEVICE)
    if DEVICE.type == "cpu":
        ours.language.lay_by_columns_()
    vectors = vision.grid[0] * vision.grid[1]
    question = torch.randint(2, config.vocab_size, (1, 16), device=DEVICE)
    ids = torch.cat((question.new_full((1, vectors), IMAGE_TOKEN), question), dim=1)
    marked = torch.cat((question.new_full((1, 1), IMAGE_MARKER), question), dim=1)
    images = torch.randn(1, 3, *vision.image_size, device=DEVICE)
    calls = {
        OURS: lambda new: ours.generate(images, marked, max_new_tokens=new),
        "transformers": partial(their_answer, theirs, input_ids=ids, pixel_values=images),
    }
    return generation_rows(name, calls, batch=1, prompt=vectors + 16, new=steps(config))


# ---------------------------------------------------------------- images and the world


def patches() -> list[Row]:
    """`patchify` beside torch's unfold and einops' rearrange: the same numbers out."""
    from einops import rearrange

    from mvlm.patches import patchify

    made = []
    for batch, side, p in ((32, 224, 16), (256, 120, 40)):
        images = torch.randn(batch, 3, side, side, device=DEVICE)
        calls = {
            OURS: lambda x=images, p=p: patchify(x, p),
            "unfold": lambda x=images, p=p: F.unfold(x, p, stride=p).transpose(1, 2).contiguous(),
            "einops": lambda x=images, p=p: rearrange(
                x, "b c (i h) (j w) -> b (i j) (c h w)", h=p, w=p
            ),
        }
        for peer, call in calls.items():
            agree(call(), calls[OURS](), peer)
        times = contest(calls, rounds=9, shortest=0.1)
        made += rows(f"patchify {batch}×3×{side}×{side}, P = {p}", times)
    return made


def data() -> list[Row]:
    """Pictures of the course's world, beside the same scenes drawn as one would at first."""
    from mvlm.data import Scenes
    from mvlm.data.emojis import emoji_table
    from mvlm.data.scene import draw

    scenes = [Scenes("train", 1000).scene(index) for index in range(400)]
    table = emoji_table().select(["artist", "emoji", "image"]).to_pylist()
    files = {(row["artist"], row["emoji"]): row["image"]["bytes"] for row in table}
    calls = {
        OURS: lambda: [draw(scene) for scene in scenes],
        "Pillow": lambda: [naive_picture(scene, files) for scene in scenes[:40]],
    }
    times = contest(calls, rounds=5)
    times["Pillow"] = [took * 10 for took in times["Pillow"]]  # it drew a tenth of them
    return rows("pictures of scenes, 120×120", times, unit="pictures/s", amount=400)


def naive_picture(scene, files):
    """A scene's picture by Pillow: a background, then each file read, resized and pasted."""
    import numpy as np
    from PIL import Image

    from mvlm.data.emojis import words

    height, width = scene.size
    mix = np.linspace(0, 1, height if scene.upright else width)[:, None]
    shades = np.array(scene.colours[0]) * (1 - mix) + np.array(scene.colours[1]) * mix
    lines = shades[:, None] if scene.upright else shades[None]
    pixels = np.broadcast_to(lines, (height, width, 3)).astype(np.uint8)
    picture = Image.fromarray(pixels)
    for thing in scene.things:
        drawing = Image.open(io.BytesIO(files[thing.artist, words()[thing.name]])).convert("RGBA")
        x0, y0, x1, y1 = thing.box
        small = drawing.resize((x1 - x0, y1 - y0), Image.Resampling.LANCZOS)
        picture.paste(small, (x0, y0), small)
    return np.asarray(picture)


# ---------------------------------------------------------------- starting, and several processes


def starting() -> list[Row]:
    """The package's models beside `import torch`, each in a new interpreter.

    `import mvlm` itself imports nothing; what is timed is all that the course's models need.
    """

    def start(module: str) -> None:
        run([sys.executable, "-c", f"import {module}"])

    models = "mvlm.clip, mvlm.llava, mvlm.molmo, mvlm.weights"
    calls = {OURS: partial(start, models), "import torch alone": partial(start, "torch")}
    return rows("import mvlm's models", contest(calls, rounds=7), unit="s")


def processes() -> list[Row]:
    """Training the course's first CLIP in two processes and in one, at the same batch."""
    with tempfile.TemporaryDirectory() as folder:
        one, two = (train_clip(Path(folder) / f"{n}", n) for n in (1, 2))
    apart = max(abs(a.loss - b.loss) for a, b in zip(one, two, strict=True))
    rates = [sorted(row.examples_per_second for row in run[5:]) for run in (one, two)]
    single, double = (found[len(found) // 2] for found in rates)
    task = f"training the course's CLIP for {len(one)} steps in 2 gloo processes"
    return [
        Row(
            task=task,
            peer="1 process",
            ours=round(double, 1),
            theirs=round(single, 1),
            unit="pairs/s",
            ratio=round(double / single, 3),
        ),
        Row(
            task=f"{task}: largest difference of a step's loss",
            peer="1 process",
            ours=float(f"{apart:.1e}"),
            theirs=None,
            unit="",
        ),
    ]


def train_clip(folder: Path, count: int, steps: int = 25) -> list:
    """The metrics of a short run in `count` processes, which share the cores."""
    from mvlm.training.loop import read_metrics

    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc_per_node={count}", "-m", "mvlm"]
    command += ["train", "clip-patches", "--out", str(folder)]
    command += ["--set", f"train.steps={steps}", "--set", f"train.save_every={steps}"]
    threads = max(1, (os.cpu_count() or 1) // count)
    run(command, threads=threads, ACCELERATE_USE_CPU="true")
    return read_metrics(folder)


TASKS: dict[str, Callable[[], list[Row]]] = {
    "vit": vit,
    "clip": clip,
    "loss": loss,
    "language": language,
    "llava": llava,
    "patches": patches,
    "data": data,
    "import": starting,
    "processes": processes,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", help=f"of {', '.join(TASKS)}; all if none")
    parser.add_argument("--loss", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loss:
        name, pairs, turns, folder = options.loss
        measure_loss(name, int(pairs), int(turns), Path(folder))
        return
    unknown = [name for name in options.tasks if name not in TASKS]
    if unknown:
        parser.error(f"task {unknown[0]!r} is not known: choose from {', '.join(TASKS)}")
    print(machine())
    for name in options.tasks or TASKS:
        torch.manual_seed(0)
        made: list[Row] = []
        took = seconds(lambda: made.extend(TASKS[name]()))  # noqa: B023
        for row in made:
            ratio = "" if row.ratio is None else f"×{row.ratio:.2f} {row.spread or ''}"
            print(f"{row.task:62} {row.ours:>10} {row.peer} {row.theirs} {row.unit} {ratio}")
        save(name, made, took)
        print(f"{name}: {took:.0f} seconds")


if __name__ == "__main__":
    main()
