"""Trained weights into the course's classes, from a hub name or a folder.

Chapters 07, 10 and 11. A folder in the format of transformers holds `config.json`, weights in
safetensors, in one file or in shards, and perhaps the files of a tokenizer and of a preprocessor;
a hub name such as "openai/clip-vit-large-patch14" is such a folder, fetched first.

`reading` opens the folder, `sources` matches its tensors with ours, and each family has a module;
`saving` writes such a folder.
Names and shapes are compared before the first number is read: a model is either wholly loaded or
untouched.
"""

from mvlm.hub.clip import LoadedCLIP, load_clip, load_clip_vision
from mvlm.hub.language import LoadedLanguage, load_language
from mvlm.hub.llava import LoadedLLaVA, load_llava
from mvlm.hub.molmo import LoadedMolmo, MolmoPreprocessing, load_molmo, molmo_chat, molmo_prompt
from mvlm.hub.preprocessing import read_preprocessing
from mvlm.hub.reading import INDEX, WEIGHTS, Checkpoint, WeightsError, fetch, read_config
from mvlm.hub.saving import save_clip, save_llava
from mvlm.hub.sources import load_weights
from mvlm.hub.vit import LoadedViT, load_vit, vit_config_from, vit_sources

__all__ = [
    "INDEX",
    "WEIGHTS",
    "Checkpoint",
    "LoadedCLIP",
    "LoadedLLaVA",
    "LoadedLanguage",
    "LoadedMolmo",
    "LoadedViT",
    "MolmoPreprocessing",
    "WeightsError",
    "fetch",
    "load_clip",
    "load_clip_vision",
    "load_language",
    "load_llava",
    "load_molmo",
    "load_vit",
    "load_weights",
    "molmo_chat",
    "molmo_prompt",
    "read_config",
    "read_preprocessing",
    "save_clip",
    "save_llava",
    "vit_config_from",
    "vit_sources",
]
