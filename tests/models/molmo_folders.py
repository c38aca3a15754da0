"""Small random Molmos in the authors' format, the same on every machine, and pictures for them.

`molmo_original.py` shows them to the authors' code and keeps what it said; `test_hub_molmo.py`
makes them again and holds `mvlm.hub.load_molmo` against that.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tokenizers
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from mvlm.molmo import Crops

END, PAD = "<|endoftext|>", "<|pad|>"
PICTURE_TOKENS = ["<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<|image|>"]
QUESTION = "Point to the red cup, please."
QWEN2 = {
    "vocab_size": 300,
    "embedding_size": 300,
    "hidden_size": 32,
    "intermediate_size": 44,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "layer_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "qkv_bias": True,
    "norm_after": False,
    "attention_layer_norm": False,
    "layer_norm_type": "rms",
    "clip_qkv": None,
    "model_type": "molmo",
}
OLMO = QWEN2 | {
    "embedding_size": 308,  # a picture's tokens have numbers within the old table, as in 7B-O
    "hidden_size": 24,
    "intermediate_size": 52,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "num_key_value_heads": None,
    "rope_theta": 500000.0,
    "qkv_bias": False,
    "norm_after": True,
    "attention_layer_norm": True,
}
TOWER = {
    "image_default_input_size": [84, 84],
    "image_patch_size": 7,
    "image_emb_dim": 16,
    "image_num_heads": 2,
    "image_num_layers": 10,
    "image_mlp_dim": 28,
}
CROPS = {
    "base_image_input_size": [84, 84],
    "image_patch_size": 7,
    "image_token_length_w": 6,
    "image_token_length_h": 6,
    "overlap_margins": [2, 2],
    "max_crops": 6,
}
# name: config of the language model, of the image tower, of the crops, feature layers
CASES = {
    "qwen2": (QWEN2, TOWER, CROPS, [-2, -9]),
    "qwen2 without biases, real crops": (
        QWEN2 | {"qkv_bias": False, "num_key_value_heads": 4},
        TOWER
        | {"image_default_input_size": [336, 336], "image_patch_size": 14, "image_num_layers": 3},
        {},  # the released models'
        [-2, -3],
    ),
    "olmo": (OLMO, TOWER, CROPS | {"max_crops": 4}, [-2, -9]),
    "olmo with biases, shared keys": (
        OLMO | {"qkv_bias": True, "num_key_value_heads": 1, "layer_norm_eps": 1e-5},
        TOWER
        | {"image_default_input_size": [48, 48], "image_patch_size": 6, "image_num_layers": 4},
        CROPS
        | {
            "base_image_input_size": [48, 48],
            "image_patch_size": 6,
            "image_token_length_w": 4,
            "image_token_length_h": 4,
        },
        [-1, -4],
    ),
}
# Height and width: odd, smaller than the overlap, long, and some that lose a row in single
# precision.
SAMPLES = 40  # numbers of each picture that are kept
NEW_TOKENS = 12
FIFTH = 5  # of the scores one in five is kept
SIZES = [(97, 131), (20, 33), (206, 634), (149, 61), (84, 84), (457, 391)]


def pictures(count: int = len(SIZES)) -> list[Image.Image]:
    """Coarse colours with fine noise."""
    drawn = []
    for seed, (height, width) in enumerate(SIZES[:count]):
        coarse = 200 * uniform(seed, (height // 16 + 1, width // 16 + 1, 3))
        colours = coarse.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]
        noise = 55 * uniform(100 + seed, (height, width, 3))
        drawn.append(Image.fromarray((colours + noise).astype(np.uint8)))
    return drawn


def in_file_order(crops: Crops, side: int) -> torch.Tensor:
    """Crops (K, 3, S, S) as the authors have them, (K, patches, numbers of a patch)."""
    patches = crops.pixels.unfold(2, side, side).unfold(3, side, side)  # (K, 3, G, G, P, P)
    return patches.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)


def places_of(cut: list[Crops], ids: torch.Tensor, patch_id: int) -> torch.Tensor:
    """Our order of the cells as the authors' `image_input_idx`: for each cell its token, or -1."""
    tokens = (ids == patch_id).nonzero()[:, 0].split([len(crops.order) for crops in cut])
    places = []
    for crops, own in zip(cut, tokens, strict=True):
        cells = crops.masks.shape[1] // 4  # windows of 2×2 patches
        place = torch.full((len(crops.masks) * cells,), -1)
        place[crops.order] = own
        places.append(place.view(-1, cells))
    return torch.cat(places)


def sample(images: torch.Tensor) -> torch.Tensor:
    """Some of a picture's numbers, spread over its crops."""
    flat = images.flatten()
    return flat[torch.linspace(0, len(flat) - 1, SAMPLES, dtype=torch.float64).long()]


def uniform(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from 0 to 1 that no release of NumPy draws otherwise."""
    return np.random.Generator(np.random.PCG64(seed)).random(shape)


def write_folder(case: str, folder: Path, *, shards: int = 2) -> Path:
    """A repository as the authors' are: configs, a tokenizer, weights in shards with an index."""
    language, tower, crops, layers = CASES[case]
    folder.mkdir(parents=True, exist_ok=True)
    config = language | {"vision_backbone": tower, "vit_layers": layers}
    _write(folder, "config.json", config)
    _write(folder, "preprocessor_config.json", crops)
    write_tokenizer(folder, language["vocab_size"], pad=PAD if language["norm_after"] else None)
    tensors = random_tensors(config, seed=sorted(CASES).index(case))
    names = sorted(tensors)
    files = {
        name: f"model-{i * shards // len(names) + 1:05}-of-{shards:05}.safetensors"
        for i, name in enumerate(names)
    }
    for file in set(files.values()):
        save_file({name: tensors[name] for name in names if files[name] == file}, folder / file)
    _write(folder, "model.safetensors.index.json", {"metadata": {}, "weight_map": files})
    return folder


def _write(folder: Path, name: str, content: dict) -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def random_tensors(config: dict, seed: int) -> dict[str, torch.Tensor]:
    """Every tensor of the file; norms near 1, so that what a norm does can be seen."""
    tensors = {}
    for number, (name, shape) in enumerate(shapes(config)):
        drawn = 2 * uniform(1000 * (seed + 1) + number, shape) - 1
        norm = ("norm" in name or "ln" in name) and name.endswith("weight")
        # Matrices that make vectors a little shorter: rounding then stays near 1e-6 to the end.
        scale = 1 if "wte" in name or "pad_embed" in name else (1.5 / shape[-1]) ** 0.5
        drawn = 1 + 0.5 * drawn if norm else scale * drawn
        tensors[name] = torch.from_numpy(drawn.astype(np.float32))
    return tensors


def shapes(config: dict) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The names and shapes of the authors' format."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    head = width // config["num_attention_heads"]
    kv = head * (config["num_key_value_heads"] or config["num_attention_heads"])
    top = "model.transformer"
    yield f"{top}.wte.embedding", (config["embedding_size"], width)
    yield f"{top}.wte.new_embedding", (128, width)
    yield f"{top}.ln_f.weight", (width,)
    yield f"{top}.ff_out.weight", (config["embedding_size"], width)
    for layer in range(config["num_hidden_layers"]):
        block = f"{top}.blocks.{layer}"
        yield f"{block}.att_proj.weight", (width + 2 * kv, width)
        if config["qkv_bias"]:
            yield f"{block}.att_proj.bias", (width + 2 * kv,)
        yield f"{block}.attn_out.weight", (width, width)
        yield f"{block}.ff_proj.weight", (inner, width)
        yield f"{block}.ff_out.weight", (width, inner // 2)
        yield f"{block}.attn_norm.weight", (width,)
        yield f"{block}.ff_norm.weight", (width,)
        if config["attention_layer_norm"]:
            yield f"{block}.q_norm.weight", (width,)
            yield f"{block}.k_norm.weight", (kv,)
    yield from _vision_shapes(config)


def _vision_shapes(config: dict) -> Iterator[tuple[str, tuple[int, ...]]]:
    vision = config["vision_backbone"]
    width, patch = vision["image_emb_dim"], vision["image_patch_size"]
    features = width * len(config["vit_layers"])
    top = "model.vision_backbone"
    yield f"{top}.pad_embed", (2, features)
    yield f"{top}.image_vit.class_embedding", (width,)
    grid = vision["image_default_input_size"][0] // patch
    yield f"{top}.image_vit.positional_embedding", (1 + grid**2, width)
    yield f"{top}.image_vit.patch_embedding.weight", (width, 3 * patch**2)
    yield from _layer(f"{top}.image_vit.pre_ln", (width,))
    for layer in range(vision["image_num_layers"]):
        block = f"{top}.image_vit.transformer.resblocks.{layer}"
        for name in ("wq", "wk", "wv", "wo"):
            yield from _layer(f"{block}.attention.{name}", (width, width))
        yield from _layer(f"{block}.feed_forward.w1", (vision["image_mlp_dim"], width))
        yield from _layer(f"{block}.feed_forward.w2", (width, vision["image_mlp_dim"]))
        yield from _layer(f"{block}.attention_norm", (width,))
        yield from _layer(f"{block}.ffn_norm", (width,))
    for name in ("wq", "wk", "wv"):
        yield from _layer(f"{top}.image_pooling_2d.{name}", (width, features))
    yield from _layer(f"{top}.image_pooling_2d.wo", (width, width))
    inner = config["intermediate_size"] // 2
    for name, shape in (("w1", (inner, width)), ("w3", (inner, width))):
        yield f"{top}.image_projector.{name}.weight", shape
    yield f"{top}.image_projector.w2.weight", (config["hidden_size"], inner)


def _layer(name: str, shape: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def write_tokenizer(folder: Path, size: int, *, pad: str | None) -> None:
    """Byte-level BPE with a few merges, filled up to `size` as the authors do, then a picture's.

    7B-D's pads with its end token and has no start token; 7B-O's has a padding token, and its end
    token is its start token too.
    """
    space = "\u0120"  # byte-level BPE's sign for it
    merges = [(space, "t"), (space + "t", "h"), (space + "th", "e"), ("e", "d"), (space, "A")]
    words = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    backend = tokenizers.Tokenizer(
        models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=merges)
    )
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    own = [END] if pad is None else [END, pad]
    filled = [f"|<EXTRA_TOKENS_{i}>|" for i in range(size - len(words) - len(own))]
    special = [*own, *filled, *PICTURE_TOKENS]
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    backend.save(str(folder / "tokenizer.json"))
    roles = {"eos_token": END, "pad_token": pad or END}
    roles |= {} if pad is None else {"bos_token": END, "unk_token": END}
    _write(folder, "special_tokens_map.json", roles)
    _write(folder, "tokenizer_config.json", roles | {"tokenizer_class": "Qwen2Tokenizer"})
