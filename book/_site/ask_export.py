"""Writes the course's CLIP as two files that a browser can read from a folder, with no server.

`weights.js` assigns one variable (a page opened from a file may load scripts, nothing else):
config, tokenizer, names, and every tensor. Matrices, those of convolutions too, are whole numbers
with one step a row, and as few bits as keep the cosines near those of the model they were made
from; that is measured here, with the finished numbers put back into the model. `fluent.webp` shows
what the image tower saw.
"""

import base64
import copy
import gzip
import io
import json
import zlib
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.small.stem import GROUPS
from mvlm.training.recipes.clip import drawing_table, vocabulary
from mvlm.training.recipes.views import on_white

ARTIST = "fluent"  # whom CLIP was never trained on
COLUMNS = 32  # of the sheet of drawings
PROBED = 4  # every fourth drawing is enough to measure a difference
ALLOWED = 8e-4  # largest difference of a cosine; the tests allow 1e-3
EXAMPLE_TEXT = "red heart"
EXAMPLE_EMOJI = "red apple"
EXAMPLE_LABELS = ("apple", "tomato", "cat", "dog", "car", "house")
NEAREST = 6


def export(folder: Path) -> dict:
    """Write both files into `folder` and return what the pages say about them."""
    clip, words = weights.clip(), vocabulary()
    images = on_white(drawing_table((ARTIST,))[0]).clamp(0, 1)  # (K, 3, 40, 40)
    pictures = encode_images(clip, images)  # (K, E)
    differences = by_bits(clip, images, pictures)
    bits = max(differences)
    state = clip.state_dict() | {"pictures": pictures}
    file = {
        "model": json.loads(json.dumps(clip.config, default=vars))
        | {"stem": {"groups": GROUPS, "eps": clip.image.patches.norm.eps}},
        "normalise": {"mean": CLIP_MEAN, "std": CLIP_STD},
        "tokenizer": tokenizer_json(),
        "emoji": [[word.name, word.everyday] for word in words],
        "columns": COLUMNS,
        "example": place_of(EXAMPLE_EMOJI),
        "tensors": {name: list(value.shape) for name, value in state.items()},
        "data": base64.b64encode(packed(state, bits)).decode(),
    }
    script = f"window.mvlm_weights = {json.dumps(file, separators=(',', ':'))};\n".encode()
    (folder / "weights.js").write_bytes(script)
    sheet(images).save(folder / "fluent.webp", quality=80, method=6)
    return {
        "facts": sizes(clip)
        | typical_cosines(clip, pictures)
        | scores()
        | {
            "sent": f"{len(gzip.compress(script)) / 1e6:.1f} MB",
            "drawings": f"{(folder / 'fluent.webp').stat().st_size / 1e6:.1f} MB",
            "bits": f"{bits}",
            "difference": f"{differences[bits]:.4f}",
            "difference of 8": f"{differences[8]:.4f}",
        },
        "words": words_example(clip, images, pictures),
        "labels": labels_example(clip, images, pictures),
    }


@torch.inference_mode()
def encode_images(clip: CLIP, images: Float[Tensor, "image 3 40 40"]) -> Float[Tensor, "image E"]:
    """The image tower's vectors, some pictures at a time."""
    parts = normalise(images, CLIP_MEAN, CLIP_STD).split(128)
    return torch.cat([clip.encode_image(part) for part in parts])


@torch.inference_mode()
def encode_texts(clip: CLIP, texts: list[str]) -> Float[Tensor, "text E"]:
    """The text tower's vectors."""
    return clip.encode_text(weights.tokenizer()(texts, length=clip.config.text.context_length))


def by_bits(clip: CLIP, images: Tensor, pictures: Tensor) -> dict[int, float]:
    """By how much a cosine differs with so many bits, from 8 up to as many as are needed.

    Raises:
        ValueError: 16 bits are not enough.
    """
    names = [word.name for word in vocabulary()]
    wanted = encode_texts(clip, names) @ pictures[::PROBED].T
    rounded = copy.deepcopy(clip)
    differences = {}
    for bits in range(8, 17):
        rounded.load_state_dict(rounded_state(clip.state_dict(), bits))
        came = encode_texts(rounded, names) @ encode_images(rounded, images[::PROBED]).T
        differences[bits] = (came - wanted).abs().max().item()
        if differences[bits] <= ALLOWED:
            return differences
    raise ValueError(
        f"with 16 bits a cosine still differs by {differences[16]:.1e}, {ALLOWED:.0e} is allowed: "
        "let book/_site/ask_export.py store the weights as floats"
    )


def rounded_state(state: dict[str, Tensor], bits: int) -> dict[str, Tensor]:
    """The tensors as the browser will have them."""
    return {
        name: torch.mul(*in_steps(value, bits)).view_as(value) if value.ndim > 1 else value
        for name, value in state.items()
    }


def in_steps(
    weight: Float[Tensor, "row *column"], bits: int
) -> tuple[Float[Tensor, "row columns"], Float[Tensor, "row 1"]]:
    """Whole numbers of so many bits, sign included, and the step of each row."""
    largest, matrix = 2 ** (bits - 1) - 1, weight.flatten(1)
    steps = matrix.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / largest
    return (matrix / steps).round(), steps


def packed(state: dict[str, Tensor], bits: int) -> bytes:
    """All floats, all low bytes, all high bytes, as gzip.

    Some bytes are more frequent than others, but none foretells the next: gzip's search for
    repetitions would find chance ones and cost bytes.
    """
    floats, whole = [], []
    for value in state.values():
        if value.ndim > 1:
            numbers, value = in_steps(value, bits)
            whole.append(numbers.short().flatten().numpy())
        floats.append(value.float().flatten().numpy())
    whole = np.concatenate(whole).astype("<i2").view(np.uint8).reshape(-1, 2)
    content = np.concatenate(floats).astype("<f4").tobytes() + whole.T.tobytes()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_HUFFMAN_ONLY)
    return squeeze.compress(content) + squeeze.flush()


def tokenizer_json() -> dict:
    """What the browser needs of tokenizer.json."""
    tokenizer = weights.tokenizer()
    whole = json.loads(tokenizer.backend.to_str())
    return {
        "start": tokenizer.start,
        "end": tokenizer.end,
        "added_tokens": [
            {name: token[name] for name in ("content", "id", "special")}
            for token in whole["added_tokens"]
        ],
        "model": {name: whole["model"][name] for name in ("vocab", "merges")},
    }


def place_of(name: str) -> int:
    """Where an emoji stands in the vocabulary."""
    return [word.name for word in vocabulary()].index(name)


def sheet(images: Float[Tensor, "image 3 40 40"]) -> Image.Image:
    """All drawings in one picture, row by row, white where none is."""
    size = images.shape[-1]
    rows = -(-len(images) // COLUMNS)
    drawn = Image.new("RGB", (COLUMNS * size, rows * size), "white")
    for place, image in enumerate(images):
        row, column = divmod(place, COLUMNS)
        drawn.paste(picture(image), (column * size, row * size))
    return drawn


def picture(image: Float[Tensor, "3 height width"]) -> Image.Image:
    """One picture, values 0 to 1, as PIL has it."""
    return Image.fromarray((image * 255).round().byte().permute(1, 2, 0).numpy())


def data_uri(image: Float[Tensor, "3 height width"]) -> str:
    """A picture inside the page itself."""
    buffer = io.BytesIO()
    picture(image).save(buffer, "WEBP", quality=90, method=6)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def sizes(clip: CLIP) -> dict[str, str]:
    """The model's shapes, by the names they have in the page's text."""
    image, text = clip.config.image, clip.config.text
    rows, columns = image.grid
    height, width = image.image_size
    stem = clip.image.patches
    convolutions = [m for m in stem.modules() if isinstance(m, nn.Conv2d)]
    last_convolutions = (stem.first, *(block.second for block in stem.blocks))
    recipe = weights.read(weights.HERE / "clip.safetensors")[1]["recipe"]["clip"]
    return {
        "artists": f"{len(recipe['artists'])}",
        "names": f"{len(vocabulary()):,}",
        "parameters": f"{sum(p.numel() for p in clip.parameters()) / 1e6:.1f} million",
        "context": f"{text.context_length}",
        "vocabulary": f"{text.vocab_size} × {text.width}",
        "text tokens": f"T × {text.width}",
        "text depth": f"{text.depth}",
        "pixels": f"{image.channels} × {height} × {width}",
        "convolutions": f"{sum(m.kernel_size == (3, 3) for m in convolutions)}",
        **{
            f"map {i}": f"{conv.out_channels} × {height // 2**i} × {width // 2**i}"
            for i, conv in enumerate(last_convolutions, start=1)
        },
        "places": f"{rows * columns}",
        "image tokens": f"{1 + rows * columns} × {image.width}",
        "image depth": f"{image.depth}",
        "embed": f"{clip.config.embed_dim}",
        "table": f"{len(vocabulary())} × {clip.config.embed_dim}",
        "scale": f"{clip.logit_scale.exp().item():.1f}",
    }


def typical_cosines(clip: CLIP, pictures: Tensor) -> dict[str, str]:
    """What a cosine is like: of a name with its own drawing, and with any other."""
    scores = encode_texts(clip, [word.name for word in vocabulary()]) @ pictures.T  # (K, K)
    own = scores.diagonal()
    other = scores[~torch.eye(len(scores), dtype=torch.bool)]
    return {
        "own cosine": f"{own.median():.2f}",
        "other cosine": f"{other.median():.2f}",
        "largest other cosine": f"{other.max():.2f}",
    }


def scores() -> dict[str, str]:
    """How often the model is right, from the file that its evaluation wrote."""
    measured = json.loads((weights.HERE / "results/clip.json").read_text())
    right = measured["unseen artist"]["on white"]
    thumbnails = measured["eight artists' thumbnails, unseen artist, on white"]
    return {
        "top1": f"{right['all names']['top1']:.0%}",
        "top5": f"{right['all names']['top5']:.0%}",
        "thumbnails": f"{thumbnails['all names']['top1']:.0%}",
        "everyday top1": f"{right['everyday words']['top1']:.0%}",
        "everyday thumbnails": f"{thumbnails['everyday words']['top1']:.0%}",
    }


def words_example(clip: CLIP, images: Tensor, pictures: Tensor) -> dict:
    """The nearest drawings of a text, and its cosine and that of each of its words with them."""
    texts = [EXAMPLE_TEXT, *EXAMPLE_TEXT.split()]
    scores = encode_texts(clip, texts) @ pictures.T  # (texts, K)
    best = scores[0].argsort(descending=True)[:NEAREST]
    names = [vocabulary()[i].name for i in best]
    return {
        "drawings": [[name, data_uri(images[i])] for name, i in zip(names, best, strict=True)],
        "rows": [[text, row[best].tolist()] for text, row in zip(texts, scores, strict=True)],
    }


def labels_example(clip: CLIP, images: Tensor, pictures: Tensor) -> dict:
    """The zero-shot probabilities of some labels for one drawing, the best first."""
    place = place_of(EXAMPLE_EMOJI)
    cosines = encode_texts(clip, list(EXAMPLE_LABELS)) @ pictures[place]  # (labels,)
    shares = (clip.logit_scale.exp() * cosines).softmax(dim=0)
    order = shares.argsort(descending=True)
    return {
        "drawing": [EXAMPLE_EMOJI, data_uri(images[place])],
        "rows": [[EXAMPLE_LABELS[i], cosines[i].item(), shares[i].item()] for i in order],
    }
