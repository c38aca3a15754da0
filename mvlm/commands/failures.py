"""What ends a command with one sentence."""

import torch

FAILURES = (ValueError, OSError, torch.cuda.OutOfMemoryError)
"""Errors that `complaint` says in words; whatever else is raised is a fault of ours."""


def complaint(error: Exception) -> str:
    """An error of `FAILURES` in one sentence."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return (
            "the GPU's memory is full: end what else uses it, take a smaller model, or pass "
            "--device cpu"
        )
    return " ".join(str(error).split())
