"""Drawn "photographs" with captions and tiny models with random weights, as the hub holds them."""

import json
import os
import subprocess
import sys

import numpy as np
import torch
import transformers
from PIL import Image, ImageDraw
from tokenizers.pre_tokenizers import ByteLevel

from mvlm.tokenizer import CLIPTokenizer, Tokenizer
from mvlm.training import loop

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 70, 220), "white": (240,) * 3}
SHAPES = ("circle", "square", "bar")


def draw(colour, shape, seed):
    """A thing somewhere on a noisy ground; every picture is of another size."""
    random = np.random.default_rng(seed)
    width, height = (int(side) for side in random.integers(40, 70, size=2))
    picture = Image.fromarray(random.integers(60, 120, (height, width, 3), dtype=np.uint8))
    left, top = (int(random.integers(0, side - 24)) for side in (width, height))
    box = (left, top, left + 24, top + (8 if shape == "bar" else 24))
    pencil = ImageDraw.Draw(picture)
    (pencil.ellipse if shape == "circle" else pencil.rectangle)(box, fill=COLOURS[colour])
    return picture


def folder_of_pairs(folder, count=24):
    """Pictures with a metadata.jsonl, as an image folder of the hub has them."""
    folder = folder / "train"
    folder.mkdir(parents=True)
    lines = []
    for number in range(count):
        colour, shape = list(COLOURS)[number % 4], SHAPES[number % 3]
        draw(colour, shape, number).save(folder / f"{number}.jpg")
        lines.append({"file_name": f"{number}.jpg", "caption": f"a {colour} {shape}"})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder.parent


def tiny_clip(folder):
    """A CLIP of two blocks a tower that reads letters one by one."""
    torch.manual_seed(0)
    letters = sorted(ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters)]
    pieces += [CLIPTokenizer.START, CLIPTokenizer.END]
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    shape["intermediate_size"] = 32
    text = shape | {"vocab_size": len(pieces), "max_position_embeddings": 20}
    text |= {"bos_token_id": len(pieces) - 2, "eos_token_id": len(pieces) - 1, "pad_token_id": 0}
    config = transformers.CLIPConfig(
        text_config=text,
        vision_config=shape | {"image_size": 32, "patch_size": 8},
        projection_dim=12,
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({p: i for i, p in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    size = {"shortest_edge": 32}
    look = {"image_processor_type": "CLIPImageProcessor", "size": size, "crop_size": 32}
    (folder / "preprocessor_config.json").write_text(json.dumps(look))
    return folder


def in_two_processes(*command):
    """`python -m mvlm COMMAND` in two processes on this machine."""
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2",
         "-m", "mvlm", *command],
        check=True, capture_output=True, text=True, timeout=900,
        env=os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def changed(settings):
    """--set for each of these settings."""
    return [part for setting in settings.split() for part in ("--set", setting)]


def stop_at(step, monkeypatch):
    """Ctrl-C in the middle of this step."""
    rate = loop.learning_rate

    def pressed(now, config):
        if now == step:
            raise KeyboardInterrupt
        return rate(now, config)

    monkeypatch.setattr(loop, "learning_rate", pressed)


def tiny_language(folder):
    """A Llama of two blocks with a tokenizer of its own."""
    torch.manual_seed(1)
    tokenizer = Tokenizer.train(
        [f"a {colour} {shape}" for colour in COLOURS for shape in SHAPES], vocab_size=300
    )
    config = transformers.LlamaConfig(
        vocab_size=300,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.1,  # at 0.02 a frozen model would say the same whatever it is shown
        eos_token_id=tokenizer.end_id,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save(folder / "tokenizer.json")
    names = {"eos_token": tokenizer.end, "pad_token": tokenizer.pad}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    return folder


def folder_of_conversations(folder, count=12):
    """A file in LLaVA's format beside its pictures; every fourth conversation has none."""
    folder.mkdir(parents=True)
    entries = []
    for number in range(count):
        colour, shape = list(COLOURS)[number % 4], SHAPES[number % 3]
        turns = [("What is it?", f"a {shape}"), ("Which colour?", colour)]
        entry = {"id": str(number), "conversations": []}
        if number % 4 == 3:
            turns = [("Name a colour.", colour)]
        else:
            draw(colour, shape, 100 + number).save(folder / f"{number}.jpg")
            entry["image"] = f"{number}.jpg"
            turns[0] = (f"<image>\n{turns[0][0]}", turns[0][1])
        for question, answer in turns:
            entry["conversations"].append({"from": "human", "value": question})
            entry["conversations"].append({"from": "gpt", "value": answer})
        entries.append(entry)
    (folder / "conversations.json").write_text(json.dumps(entries))
    return folder
