"""Writes the course's LLaVA, and drawings to ask it about, as two files beside CLIP's.

`llava_weights.js` holds what LLaVA has beside the tokenizer and CLIP's image tower, which are in
`weights.js`: projector and language model, as whole numbers of as few bits as leave every answer
as it was. That is measured here, with the numbers put back into the model. `drawings.js` holds the
drawings of an artist whom the tower was trained on and of one whom it never saw, colours and
opacity without loss, so that the page lays a scene as Python does.
"""

import base64
import copy
import gzip
import io
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from ask_export import packed, rounded_state
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from mvlm import weights
from mvlm.chat import Chat
from mvlm.data.canvas import lay
from mvlm.data.emojis import drawings, words
from mvlm.data.scene import GRID, Scenes, split_vocabulary
from mvlm.data.things import PLACES
from mvlm.generation import generate
from mvlm.llava import LLaVA, splice
from mvlm.tokenizer import IMAGE
from mvlm.training.recipes.llava import pictures

ARTISTS = ("noto", "fluent")  # of the sheet: one of those trained on, and the unseen one
SIDE = 40  # pixels of a drawing, and of a cell
COLUMNS = 30  # of the sheet
EXAMPLE = {
    "scene": "rocket,,dog,,fire,dog,apple,,umbrella",
    "artist": "noto",
    "ground": "e8eef6-f6ece0-down",
    "ask": "how many dogs are there?",
}
MAX_NEW_TOKENS = 60
SPLITS = ("test", "artist", "validation")
SCENES = 20  # of each split that rounding is measured on
SEED = 7  # of these scenes: the tests ask about others
FEWEST_BITS, MOST_BITS = 8, 16


def export(folder: Path, tower_bits: int) -> dict:
    """Write both files into `folder`, where `weights.js` is, and return what the pages say.

    Args:
        tower_bits: of the image tower in `weights.js`.

    Raises:
        ValueError: with as many bits as the form of the file has, an answer still differs.
    """
    llava, chat = weights.llava(), Chat(tokenizer=weights.tokenizer())
    asked = ask_questions(llava, chat)
    bits = max(by_bits(llava, asked, tower_bits))
    sent = write_script(folder / "llava_weights.js", "mvlm_llava", weights_file(llava, chat, bits))
    drawn = write_script(folder / "drawings.js", "mvlm_drawings", drawings_file())
    with_clip = sent + len(gzip.compress((folder / "weights.js").read_bytes()))
    return {
        "facts": sizes(llava)
        | scores()
        | {
            "llava sent": f"{sent / 1e6:.1f} MB",
            "llava and clip sent": f"{with_clip / 1e6:.1f} MB",
            "scene drawings": f"{drawn / 1e6:.1f} MB",
            "llava bits": f"{bits}",
            "llava asked": f"{len(asked.answers):,}",
            "molmo sent": f"{molmo_size(bits) / 1e6:.1f} MB",
        },
        "scene": example(llava, chat),
    }


class Asked(NamedTuple):
    """Questions and what the model answers: what the tower made of S scenes (S, N, W), whose each
    question is, and the token ids of prompts and answers."""

    states: Float[Tensor, "scene cell width"]
    images: Float[Tensor, "scene 3 height width"]
    of: list[int]
    prompts: list[list[int]]
    answers: list[list[int]]


@torch.inference_mode()
def ask_questions(llava: LLaVA, chat: Chat) -> Asked:
    """All questions about some scenes of each split, and the model's own answers."""
    pixels, of, prompts = [], [], []
    for split in SPLITS:
        for picture, scene in map(Scenes(split, SCENES, seed=SEED).__getitem__, range(SCENES)):
            prompts += [chat.prompt([(f"{IMAGE}\n{q.question}", None)]) for q in scene.questions]
            of += [len(pixels)] * len(scene.questions)
            pixels.append(picture)
    images = pictures(torch.stack(pixels))
    states = cell_states(llava, images)
    read = splice(prompts, llava.projector(states)[of], llava.language.embed, side="left")
    answers = generate(
        llava.language,
        embeddings=read.embeddings,
        attention_mask=read.attention_mask,
        max_new_tokens=MAX_NEW_TOKENS,
        end_id=chat.tokenizer.end_ids,
    )
    return Asked(states, images, of, prompts, answers)


def cell_states(llava: LLaVA, images: Tensor) -> Float[Tensor, "scene cell width"]:
    """What the projector gets."""
    return llava.vision.encode(images).hidden_states[llava.feature_layer][:, 1:]


@torch.inference_mode()
def by_bits(llava: LLaVA, asked: Asked, tower_bits: int) -> dict[int, int]:
    """How many answers change with so many bits, from 8 up to as many as leave all as they were.

    An answer changes where, after its prompt and its first tokens, another token is the likeliest.

    Raises:
        ValueError: with 16 bits there still is such an answer.
    """
    rounded = copy.deepcopy(llava)
    tower = rounded_state(llava.vision.state_dict(), tower_bits)
    rounded.vision.load_state_dict(tower)
    states = cell_states(rounded, asked.images)
    read = [prompt + row[:-1] for prompt, row in zip(asked.prompts, asked.answers, strict=True)]
    changed = {}
    for bits in range(FEWEST_BITS, MOST_BITS + 1):
        rounded.load_state_dict(rounded_state(own_state(llava), bits), strict=False)
        row = splice(read, rounded.projector(states)[asked.of], rounded.language.embed)
        best = rounded.language(
            embeddings=row.embeddings, attention_mask=row.attention_mask
        ).argmax(dim=-1)  # question T'
        ends = row.attention_mask.sum(dim=1)
        changed[bits] = sum(
            tokens[end - len(answer) : end].tolist() != answer
            for tokens, end, answer in zip(best, ends, asked.answers, strict=True)
        )
        if not changed[bits]:
            return changed
    raise ValueError(
        f"with {MOST_BITS} bits {changed[MOST_BITS]} of {len(read)} answers still change: let "
        "book/_site/llava_export.py store the weights as floats"
    )


def own_state(llava: LLaVA) -> dict[str, Tensor]:
    """All tensors but the image tower's, which is CLIP's."""
    return {
        name: value for name, value in llava.state_dict().items() if not name.startswith("vision.")
    }


def molmo_size(bits: int) -> int:
    """Bytes that the course's Molmo would need beside CLIP's image tower, with so many bits."""
    state = weights.molmo().state_dict()
    tower = "vision.tower."
    return len(packed({n: v for n, v in state.items() if not n.startswith(tower)}, bits))


def weights_file(llava: LLaVA, chat: Chat, bits: int) -> dict:
    """What llava.js reads."""
    state = own_state(llava)
    return {
        "language": json.loads(json.dumps(llava.language.config.filled, default=vars)),
        "feature_layer": llava.feature_layer,
        "grid": llava.vision.grid,
        "places": llava.vision.places.tolist(),
        "chat": {"system": chat.system, "user": chat.user, "assistant": chat.assistant},
        "max_new_tokens": MAX_NEW_TOKENS,
        "tensors": {name: list(value.shape) for name, value in state.items()},
        "data": base64.b64encode(packed(state, bits)).decode(),
    }


def drawings_file() -> dict:
    """The drawings, artist by artist, in one picture: their colours, and below, their opacity."""
    rgba = np.stack([drawing(artist, name) for artist in ARTISTS for name in names()])
    rows = rgba.reshape(-1, COLUMNS, SIDE, SIDE, 4)  # row column height width 4
    whole = rows.transpose(0, 2, 1, 3, 4).reshape(-1, COLUMNS * SIDE, 4)  # height width 4
    opacity = whole[..., 3:].repeat(3, axis=2)  # height width 3
    sheet = np.concatenate((whole[..., :3] * (opacity > 0), opacity))
    return {
        "artists": ARTISTS,
        "names": names(),
        "columns": COLUMNS,
        "side": SIDE,
        "sheet": data_uri(sheet),
    }


def names() -> tuple[str, ...]:
    """What the language model knows."""
    return split_vocabulary("train")


def drawing(artist: str, name: str) -> UInt8[np.ndarray, "side side 4"]:
    return drawings(artist)[words()[name]]


def draw(scene: dict[str, str]) -> UInt8[np.ndarray, "height width 3"]:
    """The picture of a scene as an address writes it; as in scene.js.

    Each drawing fills its cell. See `mvlm.data.scene.draw`, whose arithmetic this is.
    """
    start, end, way = scene["ground"].split("-")
    size = GRID * SIDE
    ramp = np.arange(size)[:, None]  # (size, 1)
    first, last = (np.array(list(bytes.fromhex(colour))) for colour in (start, end))
    shades = (first * (size - 1 - ramp) + last * ramp) // (size - 1)  # (size, 3)
    picture = np.empty((size, size, 3), np.uint8)
    picture[:] = shades[:, None] if way == "down" else shades[None]
    for cell, name in enumerate(scene["scene"].split(",")):
        if name:
            rgba = drawing(scene["artist"], name).astype(np.uint16)
            alpha = rgba[..., 3:]
            row, column = divmod(cell, GRID)
            lay(picture, (rgba[..., :3] * alpha + 127, 255 - alpha), column * SIDE, row * SIDE)
    return picture


def answer(llava: LLaVA, chat: Chat, picture: UInt8[np.ndarray, "height width 3"], ask: str) -> str:
    """What the model says about one picture."""
    image = pictures(torch.from_numpy(picture).permute(2, 0, 1)[None])  # 1 3 height width
    return llava.answer(chat, image, [ask], max_new_tokens=MAX_NEW_TOKENS)[0]


def example(llava: LLaVA, chat: Chat) -> dict:
    """A scene, a question, and the answer, for a page that was not asked yet."""
    picture = draw(EXAMPLE)
    things = [
        f"{name} {place}"
        for name, place in zip(EXAMPLE["scene"].split(","), PLACES, strict=True)
        if name
    ]
    return {
        "state": EXAMPLE,
        "picture": data_uri(picture),
        "alt": f"A picture of nine cells: {', '.join(things)}.",
        "answer": answer(llava, chat, picture, EXAMPLE["ask"]),
        "names": names(),
    }


def sizes(llava: LLaVA) -> dict[str, str]:
    """The model's shapes, by the names they have in the page's text."""
    config, (rows, columns) = llava.language.config, llava.vision.grid
    cells = rows * columns
    parameters = sum(value.numel() for value in own_state(llava).values())
    return {
        "llava parameters": f"{parameters / 1e6:.1f} million",
        "llava names": f"{len(names())}",
        "cells": f"{cells} × 3 × {SIDE} × {SIDE}",
        "cell vectors": f"{cells} × {llava.vision.width}",
        "projected": f"{cells} × {config.width}",
        "llava depth": f"{config.depth}",
        "llava heads": f"{config.heads}",
        "llava vocabulary": f"{config.vocab_size:,}",
    }


def scores() -> dict[str, str]:
    """How often the model is right, from the file that its evaluation wrote."""
    measured = json.loads((weights.HERE / "results/llava.json").read_text())
    wordings = measured["outside"]["by wording"]
    least = min(wordings, key=wordings.get)
    return {
        "llava right": f"{measured['test']['all kinds']:.0%}",
        "llava right, unseen artist": f"{measured['unseen artist']['all kinds']:.0%}",
        "llava refused": f"{measured['outside']['honest']:.0%}",
        "llava refused, other sentences": f"{measured['outside, other sentences']['honest']:.0%}",
        "llava refused least": f"{wordings[least]:.0%}",
        "llava refused least wording": least.format(name="…", names="…"),
    }


def write_script(path: Path, variable: str, content: dict) -> int:
    """Write a script that assigns one variable, and return its size over the wire."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    script = f"window.{variable} = {text};\n".encode()
    path.write_bytes(script)
    return len(gzip.compress(script))


def data_uri(pixels: UInt8[np.ndarray, "height width 3"]) -> str:
    """A picture inside a script or a page, every pixel as it is."""
    buffer = io.BytesIO()
    # Where nothing is lost, `quality` is effort: 100 takes thirty times as long for 0.4 % of bytes.
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, quality=70, method=6)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
