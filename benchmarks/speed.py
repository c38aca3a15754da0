"""``make bench``: mvlm beside timm, transformers, open_clip, einops and plain torch.

`python benchmarks/speed.py` runs every task, `python benchmarks/speed.py vit` one of them, and puts
what came out into `benchmarks/results.json`. All figures are float32 on a CPU, on all its cores; on
a GPU the models run in bfloat16. See `harness.py` for how two programs are compared.
"""

from __future__ import annotations

import argparse
import copy
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
from harness import (
    DEVICE,
    LIMIT,
    OURS,
    Limit,
    Row,
    arithmetic,
    contest,
    copying,
    count_own_time,
    machine,
    reading,
    rows,
    run,
    save,
    seconds,
)
from torch import Tensor, nn
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

from mvlm.generation import generate

LOSS_PAIRS = (1024, 4096, 16_384, 32_768)
WIDTH = 512  # of CLIP's shared space
COMPILED = "mvlm, compiled"
COURSE = "the course's language model"
ENOUGH = 4.6  # tables of scores that open_clip's loss holds at its peak, and something to spare


def autocast() -> torch.autocast:
    return torch.autocast(DEVICE.type, dtype=torch.bfloat16, enabled=DEVICE.type == "cuda")


def agree(ours: Tensor, theirs: Tensor, name: str, tolerance: float | None = None) -> None:
    """The same weights and inputs must give the same outputs, or nothing is compared."""
    tolerance = tolerance or (5e-2 if DEVICE.type == "cuda" else 1e-4)
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
        calls = {peer: partial(step, model) for peer, model in models.items()}
        limit = arithmetic(count_flops(calls[OURS]))
        times = contest(calls, rounds=6, limit=limit)
        task = f"{name}, {what}, batch {batch}"
        made += rows(task, times, unit="images/s", amount=batch, limit=limit)
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
            turns = 10 if tokens == 77 else 3
            calls = {name: partial(step, name, images, ids) for name in models}
            limit = arithmetic(count_flops(calls[OURS]))
            times = contest(calls, rounds=turns, limit=limit)
            task = f"CLIP ViT-B/32, training step, batch {batch}, texts of {tokens} tokens in 77"
            made += rows(task, times, unit="pairs/s", amount=batch, limit=limit)
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
            limit = loss_limit(pairs)
            times = {name: result["seconds"] for name, result in found.items()}
            times[LIMIT] = found[OURS]["machine"]
            made += rows(f"{task}, time", times, unit="s", limit=limit)
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


def loss_limit(pairs: int) -> Limit:
    """The product of images and texts, and the two that bring its gradients back."""
    return arithmetic(3 * 2 * pairs**2 * WIDTH)


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
        F.normalize(torch.randn(pairs, WIDTH, device=DEVICE), dim=1).requires_grad_()
        for _ in range(2)
    )
    scale = torch.tensor(100.0, device=DEVICE, requires_grad=True)
    inputs = (images, texts, scale)
    for _ in range(2):  # the libraries' own memory is taken before it is counted
        small = [images[:64], texts[:64], scale]
        torch.autograd.grad(compute(*small), small)
    before, took, machine_took = memory("VmRSS"), [], []
    for _ in range(turns):

        def step() -> list[Tensor]:
            value = compute(*inputs)
            return [value.detach(), *torch.autograd.grad(value, inputs)]

        results: list[list[Tensor]] = []
        took.append(seconds(lambda: results.append(step())))  # noqa: B023
    peak = memory("VmHWM") - before
    limit = loss_limit(pairs)  # after the peak was read: its matrices take memory too
    for _ in range(turns + 1):
        machine_took.append(seconds(limit.call) * limit.scale)
    torch.save([tensor.cpu() for tensor in results[0]], folder / f"{name}.pt")
    print(json.dumps({"seconds": took, "machine": machine_took[1:], "bytes": peak}))


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

    smol = VARIANTS["SmolLM2-135M"]
    settings = [
        (COURSE, course_language().config, ((1, 32), (1, 256), (16, 32))),
        ("SmolLM2-135M", smol, ((1, 32), (1, 512), (8, 32))),
    ]
    dtype = torch.bfloat16 if DEVICE.type == "cuda" else torch.float32
    made = []
    for name, config, shapes in settings:
        made += language_rows(name, config, shapes, dtype)
    if DEVICE.type == "cpu":
        made += language_rows("SmolLM2-135M in bfloat16", smol, ((1, 32),), torch.bfloat16)
    return made


def language_rows(
    name: str, config, shapes: tuple[tuple[int, int], ...], dtype: torch.dtype
) -> list[Row]:
    from peers import languages

    from mvlm.compiled import compiled_step

    ours, theirs = (model.to(DEVICE, dtype) for model in languages(config))
    plain = copy.deepcopy(ours)
    if DEVICE.type == "cpu" and dtype is torch.float32:
        plain.lay_by_columns_()
    made = []
    for batch, prompt in shapes:
        ids = torch.randint(2, config.vocab_size, (batch, prompt), device=DEVICE)
        with torch.no_grad():
            scores = (model(ids)[:, -1].float() for model in (ours, lambda ids: theirs(ids).logits))
            agree(*scores, name, tolerance=1e-4 if dtype is torch.float32 else 5e-2)
        calls = {
            OURS: lambda new, ids=ids: generate(plain, ids, max_new_tokens=new),
            COMPILED: lambda new, ids=ids: generate(
                ours, ids, max_new_tokens=new, step=compiled_step
            ),
            "transformers": partial(their_answer, theirs, input_ids=ids),
        }
        made += generation_rows(
            name, calls, ours, batch=batch, prompt=prompt, exact=dtype is torch.float32
        )
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
    name: str,
    calls: dict[str, Callable[[int], list]],
    model: nn.Module,
    *,
    batch: int,
    prompt: int,
    exact: bool = True,
) -> list[Row]:
    """One token is the prefill; what `new` tokens take longer is the decoding.

    Where the numbers are `exact` enough, all have to give the same tokens before they are timed.
    """
    new = steps(model.config)
    first, *others = (call(new) for call in calls.values())
    assert not exact or all(tokens == first for tokens in others), f"{name}: the tokens differ"
    contenders = {
        (peer, count): partial(call, count) for peer, call in calls.items() for count in (1, new)
    }
    whole = arithmetic(count_flops(partial(calls[OURS], 1)))
    token = reading(bytes_of_a_token(model, batch, prompt + new // 2))
    limits = {(LIMIT, 1): whole.call, (LIMIT, new): token.call}
    times = contest(contenders | limits, rounds=7)
    prefill = {peer: times[peer, 1] for peer in calls if peer != COMPILED}
    prefill[LIMIT] = [took * whole.scale for took in times[LIMIT, 1]]
    decode = {
        peer: [long - short for short, long in zip(times[peer, 1], times[peer, new], strict=True)]
        for peer in calls
    }
    decode[LIMIT] = [took * (new - 1) for took in times[LIMIT, new]]
    shape = f"{batch} × {prompt} tokens"
    made = rows(
        f"{name}, prefill, {shape}", prefill, unit="tokens/s", amount=batch * prompt, limit=whole
    )
    compiled = decode.pop(COMPILED, None)
    for what, own in (("decode", decode[OURS]), ("decode, compiled", compiled)):
        if own is not None:
            made += rows(
                f"{name}, {what}, {shape}",
                decode | {OURS: own},
                unit="tokens/s",
                amount=batch * (new - 1),
                limit=token,
            )
    return made


def bytes_of_a_token(model: nn.Module, batch: int, seen: int) -> int:
    """What a step cannot do without: every weight, and the keys and values of what was `seen`."""
    config, weight = model.config.filled, model.embedding.weight
    numbers = sum(part.numel() for part in model.parameters())
    if not config.tied:
        numbers -= weight.numel()  # of the embedding only a row is read
    numbers += config.depth * 2 * batch * config.kv_heads * config.head_width * seen
    return numbers * weight.element_size()


def compiling() -> list[Row]:
    """Seconds until a compiled step has given its first token: new, and from torch's own cache."""
    made = []
    for name in ("course", "SmolLM2-135M"):
        with tempfile.TemporaryDirectory() as folder:
            first, again = (
                run(
                    [sys.executable, __file__, "--compile", name],
                    TORCHINDUCTOR_CACHE_DIR=folder,
                ).told()
                for _ in range(2)
            )
        made.append(
            Row(
                task=f"compiling the step of {name.replace('course', COURSE)}",
                peer="again, from torch's cache on disk",
                ours=round(first, 1),
                theirs=round(again, 1),
                unit="s",
            )
        )
    return made


def measure_compiling(name: str) -> None:
    """Print the seconds of the first answer with a compiled step, less those of the next."""
    from mvlm.compiled import compiled_step
    from mvlm.language import LanguageModel
    from mvlm.weights import language as course_language

    model = course_language() if name == "course" else LanguageModel.from_variant(name)
    model.eval().requires_grad_(False).to(DEVICE)
    took = [
        seconds(lambda: generate(model, [[5, 6, 7]], max_new_tokens=2, step=compiled_step))
        for _ in range(2)
    ]
    print(json.dumps(took[0] - took[1]))


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
    return generation_rows(name, calls, ours.language, batch=1, prompt=vectors + 16)


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
        limit = copying(4 * images.numel())
        times = contest(calls, rounds=9, shortest=0.1, limit=limit)
        made += rows(f"patchify {batch}×3×{side}×{side}, P = {p}", times, limit=limit)
    return made


def data() -> list[Row]:
    """Pictures of the course's world, beside the same scenes drawn as one would at first."""
    import numpy as np

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
    pixels = [np.asarray(draw(scene)) for scene in scenes]
    limit = Limit(kind="copy", call=lambda: [drawn.copy() for drawn in pixels])  # on one core
    times = contest(calls, rounds=5, limit=limit)
    times["Pillow"] = [took * 10 for took in times["Pillow"]]  # it drew a tenth of them
    return rows("pictures of scenes, 120×120", times, unit="pictures/s", amount=400, limit=limit)


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
    "compile": compiling,
    "llava": llava,
    "patches": patches,
    "data": data,
    "import": starting,
    "processes": processes,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", help=f"of {', '.join(TASKS)}; all if none")
    parser.add_argument(
        "--own", action="store_true", help="one thread's own time, where the machine is busy"
    )
    parser.add_argument("--loss", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--compile", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loss:
        name, pairs, turns, folder = options.loss
        measure_loss(name, int(pairs), int(turns), Path(folder))
        return
    if options.compile:
        measure_compiling(options.compile)
        return
    unknown = [name for name in options.tasks if name not in TASKS]
    if unknown:
        parser.error(f"task {unknown[0]!r} is not known: choose from {', '.join(TASKS)}")
    if options.own:
        count_own_time()
    print(machine())
    for name in options.tasks or TASKS:
        torch.manual_seed(0)
        made: list[Row] = []
        took = seconds(lambda: made.extend(TASKS[name]()))  # noqa: B023
        for row in made:
            ratio = "" if row.ratio is None else f"×{row.ratio:.2f} {row.spread or ''}"
            share = "" if row.share is None else f"{row.share:.2f} of {row.limit}"
            print(
                f"{row.task:62} {row.ours:>10} {row.peer} {row.theirs} {row.unit} {ratio} {share}"
            )
        save(name, made, took)
        print(f"{name}: {took:.0f} seconds")


if __name__ == "__main__":
    main()
