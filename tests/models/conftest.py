"""Shared by the tests of the models: a seed, and originals saved as the hub holds them."""

from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def save(tmp_path: Path):
    """`save(model)` writes a transformers model, in shards where asked, and gives its folder."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()

    def save(model, **options) -> Path:
        folder = tmp_path / f"saved-{len(list(tmp_path.iterdir()))}"
        model.save_pretrained(folder, **options)
        return folder

    return save
