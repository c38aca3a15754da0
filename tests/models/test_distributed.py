"""The contrastive loss in two real processes, beside the same batch in one."""

import json
import warnings
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mvlm.contrastive import clip_loss, distributed_clip_loss

PROCESSES, PAIRS = 2, 3

pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()), reason="no gloo in this PyTorch"
)


class Towers(nn.Module):
    """Two matrices and a scale: enough for every gradient there is. Its output is the loss."""

    def __init__(self, loss):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.image = nn.Parameter(torch.randn(10, 8, generator=generator))
        self.text = nn.Parameter(torch.randn(10, 8, generator=generator))
        self.logit_scale = nn.Parameter(torch.tensor(2.0))
        self.loss = loss

    def forward(self, images, texts):
        images = F.normalize(images @ self.image, dim=-1)
        texts = F.normalize(texts @ self.text, dim=-1)
        return self.loss(images, texts, self.logit_scale.exp())


def batch():
    return torch.randn(2, PROCESSES * PAIRS, 10, generator=torch.Generator().manual_seed(2))


def gather_without_gradient(image_features, text_features, logit_scale):
    """The bug: torch.distributed's own all_gather stops the gradient."""
    rank, count = dist.get_rank(), len(image_features)
    gathered = []
    for features in (image_features, text_features):
        parts = [torch.zeros_like(features) for _ in range(PROCESSES)]
        dist.all_gather(parts, features.detach())
        gathered.append(torch.cat(parts))
    labels = torch.arange(count) + count * rank
    over_texts = F.cross_entropy(logit_scale * image_features @ gathered[1].T, labels)
    over_images = F.cross_entropy(logit_scale * text_features @ gathered[0].T, labels)
    return (over_texts + over_images) / 2


def labels_from_zero(image_features, text_features, logit_scale):
    """The bug: every process looks for its answers where the first one's are."""
    rank = dist.get_rank
    dist.get_rank = lambda: 0
    try:
        return distributed_clip_loss(image_features, text_features, logit_scale)
    finally:
        dist.get_rank = rank


LOSSES = {
    "right": distributed_clip_loss,
    "gather_without_gradient": gather_without_gradient,
    "labels_from_zero": labels_from_zero,
}


def work(rank: int, folder: str) -> None:
    """One process: its share of the batch through every loss, gradients averaged by DDP."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=PROCESSES
    )
    images, texts = batch()[:, rank * PAIRS : (rank + 1) * PAIRS]
    results = {}
    for name, loss in LOSSES.items():
        model = DistributedDataParallel(Towers(loss))
        value = model(images, texts)
        value.backward()
        share = value.detach().clone()
        dist.all_reduce(share)
        results[name] = [share / PROCESSES, *(p.grad for p in model.module.parameters())]
    torch.save(results, f"{folder}/{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.spawn(work, args=(str(folder),), nprocs=PROCESSES)
    return [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]


@pytest.fixture(scope="module")
def one_process():
    model = Towers(clip_loss)
    value = model(*batch())
    value.backward()
    return [value.detach(), *(p.grad for p in model.parameters())]


def assert_all_equal(got, want):
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


def test_two_processes_equal_one_in_value_and_gradient(two_processes, one_process):
    for rank in range(PROCESSES):
        assert_all_equal(two_processes[rank]["right"], one_process)


def test_bug_no_gradient_through_the_gather(two_processes, one_process):
    wrong = two_processes[0]["gather_without_gradient"]
    torch.testing.assert_close(wrong[0], one_process[0])  # the loss looks right
    shares = [a.norm() / b.norm() for a, b in zip(wrong[1:3], one_process[1:3], strict=True)]
    assert max(shares) < 0.9
    with pytest.raises(AssertionError):
        assert_all_equal(wrong, one_process)


def test_bug_labels_that_forget_the_rank(two_processes, one_process):
    with pytest.raises(AssertionError):
        assert_all_equal(two_processes[0]["labels_from_zero"], one_process)


REFUSED = {
    "sizes": lambda rank: (torch.ones(4 - rank, 8), torch.ones(4 - rank, 8)),
    "widths": lambda rank: (torch.ones(4, 8 + rank), torch.ones(4, 8 + rank)),
    "precisions": lambda rank: (torch.ones(4, 8).to((torch.float32, torch.bfloat16)[rank]),) * 2,
    "no pair in one": lambda rank: (torch.ones(4 * rank, 8), torch.ones(4 * rank, 8)),
    "unpaired in one": lambda rank: (torch.ones(4, 8), torch.ones(4 - rank, 8)),
    "no floats in one": lambda rank: (torch.ones(4, 8), torch.ones(4, 8) if rank else [[1.0]]),
}


def refuse(rank: int, folder: str) -> None:
    """Every batch that does not fit; then one that does, which shows that nobody waits."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=PROCESSES
    )
    said = {}
    for name, make in REFUSED.items():
        try:
            distributed_clip_loss(*make(rank), 10.0)
        except (TypeError, ValueError) as error:
            said[name] = str(error)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch's own gather with a gradient is deprecated
        features = F.normalize(torch.ones(3, 8), dim=-1).requires_grad_()
        distributed_clip_loss(features, features, 10.0).backward()
    Path(f"{folder}/{rank}.json").write_text(json.dumps(said))
    dist.barrier()
    dist.destroy_process_group()


def test_what_does_not_fit_is_refused_in_every_process(tmp_path):
    torch.multiprocessing.spawn(refuse, args=(str(tmp_path),), nprocs=PROCESSES)
    said = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(PROCESSES)]
    assert all(each.keys() == REFUSED.keys() for each in said)
    for each in said:
        assert "process 0 holds (4, 8) of torch.float32 and process 1 (3, 8)" in each["sizes"]
        assert "drop_last=True" in each["sizes"]
        assert "(4, 9)" in each["widths"]
        assert "torch.bfloat16" in each["precisions"]
    assert "no pair in the batch" in said[0]["no pair in one"]
    assert "no pair in the batch" in said[1]["no pair in one"]  # told about the other one
