"""Where the names that the reference borrows from other libraries are documented.

The few that signatures use, typed here, so that the site is built without a network and without
other projects' inventories. A test holds this table against the signatures, both ways.
"""

PYTHON = "https://docs.python.org/3/library/"
TORCH = "https://docs.pytorch.org/docs/stable/"
SHAPES = "https://docs.kidger.site/jaxtyping/api/array/"
PILLOW = "https://pillow.readthedocs.io/en/stable/reference/Image.html"
DATASETS = "https://huggingface.co/docs/datasets/package_reference/main_classes"
TOKENIZERS = "https://huggingface.co/docs/tokenizers/api/"

ELSEWHERE = {
    "PIL.Image.Image": f"{PILLOW}#PIL.Image.Image",
    "PIL.Image.Resampling": f"{PILLOW}#PIL.Image.Resampling",
    "collections.abc.Callable": f"{PYTHON}collections.abc.html#collections.abc.Callable",
    "collections.abc.Iterable": f"{PYTHON}collections.abc.html#collections.abc.Iterable",
    "collections.abc.Iterator": f"{PYTHON}collections.abc.html#collections.abc.Iterator",
    "collections.abc.Sequence": f"{PYTHON}collections.abc.html#collections.abc.Sequence",
    "datasets.Dataset": f"{DATASETS}#datasets.Dataset",
    "datasets.IterableDataset": f"{DATASETS}#datasets.IterableDataset",
    "jaxtyping.Bool": SHAPES,
    "jaxtyping.Float": SHAPES,
    "jaxtyping.Int": SHAPES,
    "jaxtyping.Shaped": SHAPES,
    "jaxtyping.UInt8": SHAPES,
    "numpy.ndarray": "https://numpy.org/doc/stable/reference/generated/numpy.ndarray.html",
    "os.PathLike": f"{PYTHON}os.html#os.PathLike",
    "pathlib.Path": f"{PYTHON}pathlib.html#pathlib.Path",
    "tokenizers.AddedToken": f"{TOKENIZERS}added-tokens#tokenizers.AddedToken",
    "tokenizers.Tokenizer": f"{TOKENIZERS}tokenizer#tokenizers.Tokenizer",
    "torch.Generator": f"{TORCH}generated/torch.Generator.html",
    "torch.Tensor": f"{TORCH}tensors.html#torch.Tensor",
    "torch.device": f"{TORCH}tensor_attributes.html#torch.device",
    "torch.dtype": f"{TORCH}tensor_attributes.html#torch.dtype",
    "torch.nn.Conv2d": f"{TORCH}generated/torch.nn.Conv2d.html",
    "torch.nn.Linear": f"{TORCH}generated/torch.nn.Linear.html",
    "torch.nn.Module": f"{TORCH}generated/torch.nn.Module.html",
    "torch.nn.RMSNorm": f"{TORCH}generated/torch.nn.RMSNorm.html",
    "torch.nn.Sequential": f"{TORCH}generated/torch.nn.Sequential.html",
    "torch.utils.data.Dataset": f"{TORCH}data.html#torch.utils.data.Dataset",
    "typing.Any": f"{PYTHON}typing.html#typing.Any",
    "typing.Literal": f"{PYTHON}typing.html#typing.Literal",
    "typing.NamedTuple": f"{PYTHON}typing.html#typing.NamedTuple",
    "typing.Protocol": f"{PYTHON}typing.html#typing.Protocol",
    "typing.Self": f"{PYTHON}typing.html#typing.Self",
}
