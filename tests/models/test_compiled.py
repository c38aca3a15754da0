"""The compiled step gives the tokens of the plain one, and steps aside where it cannot be."""

import os
import shutil
import subprocess
import sys
import warnings

import pytest
import torch
from torch._dynamo.utils import counters

from mvlm import compiled
from mvlm.compiled import CompiledStep, compiled_step, compiler_works
from mvlm.generation import generate, stream
from mvlm.language import LanguageConfig, LanguageModel

TINY = {"vocab_size": 61, "width": 48, "depth": 2, "heads": 6, "mlp_width": 80, "context": 64}
LENGTHS = [1, 2, 3, 5, 8, 13, 21, 34]


def tiny(**changes) -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(LanguageConfig(**(TINY | {"kv_heads": 2} | changes)))
    for parameter in model.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture
def as_written(monkeypatch):
    """The step as it is written: what the compiler is given, without the minutes that it takes."""
    monkeypatch.setattr(compiled, "compiler_works", lambda device: True)
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kv_heads": 6, "head_width": 10},
        {"kv_heads": 1, "tied": False, "additional_vocab_size": 3},
        {"qkv_bias": True, "out_bias": True, "mlp_bias": True},
    ],
)
def test_the_same_tokens_for_many_prompts(as_written, changes):
    model = tiny(**changes)
    for length in LENGTHS:
        for rows in (1, 3):
            ids = torch.randint(0, 61, (rows, length))
            want = generate(model, ids, max_new_tokens=24)
            assert generate(model, ids, max_new_tokens=24, step=compiled_step) == want


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_same_scores(as_written, dtype):
    model, ids = tiny().to(dtype), torch.randint(0, 61, (2, 9))
    with torch.inference_mode():
        want = model(ids)
        cache = model.cache(2, 12)
        cache.memory.fill_(float("nan"))  # as memory that nobody has written may be
        model.hidden(ids[:, :4], cache=cache)
        step = compiled_step(model, cache)
        assert isinstance(step, CompiledStep)
        tolerance = 1e-1 if dtype is torch.bfloat16 else 1e-9
        for t in range(4, 9):
            got = step(ids[:, t])
            torch.testing.assert_close(got, want[:, t], atol=tolerance, rtol=tolerance)


def test_a_stop_token_and_draws_with_a_seed(as_written):
    model, prompt = tiny(), [[3, 1, 4, 1, 5]]
    free = generate(model, prompt, max_new_tokens=20)[0]
    end = free[6]
    want = generate(model, prompt, max_new_tokens=20, end_id=end)
    assert generate(model, prompt, max_new_tokens=20, end_id=end, step=compiled_step) == want
    for seed in range(5):
        drawn = [
            generate(
                model,
                prompt,
                max_new_tokens=20,
                temperature=0.9,
                top_k=20,
                top_p=0.95,
                generator=torch.Generator().manual_seed(seed),
                step=step,
            )
            for step in (None, compiled_step)
        ]
        assert drawn[0] == drawn[1]


def test_two_answers_that_are_written_by_turns(as_written):
    model, options = tiny(), {"max_new_tokens": 12, "step": compiled_step}
    prompts = [[3, 1, 4]], [[1, 5, 9, 2, 6]]
    both = zip(*(stream(model, prompt, **options) for prompt in prompts), strict=True)
    for told, prompt in zip(zip(*both, strict=True), prompts, strict=True):
        assert [token for (token,) in told] == generate(model, prompt, max_new_tokens=12)[0]


@pytest.mark.parametrize(
    ("changes", "prompts"),
    [
        ({}, [[1, 2, 3, 4], [5]]),  # a padded row
        ({"qk_norm": True, "norm_after": True}, [[1, 2, 3]]),
        ({"norm": "layer", "activation": "gelu"}, [[1, 2, 3]]),
    ],
)
def test_what_it_is_not_written_for_takes_the_plain_step(monkeypatch, changes, prompts):
    monkeypatch.setattr(compiled, "CompiledStep", None)  # would fail if it were called
    model = tiny(**changes)
    want = generate(model, prompts, max_new_tokens=9)
    assert generate(model, prompts, max_new_tokens=9, step=compiled_step) == want


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_the_compiled_program_gives_the_same_tokens():
    assert compiler_works("cpu")
    model = tiny(depth=1)
    before = counters["stats"]["unique_graphs"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for length in LENGTHS:
            ids = torch.randint(0, 61, (1, length))
            want = generate(model, ids, max_new_tokens=24)
            assert generate(model, ids, max_new_tokens=24, step=compiled_step) == want
    assert counters["stats"]["unique_graphs"] == before + 1  # one program for all of them


def test_without_a_compiler_it_says_so_once_and_generates_the_same(tmp_path):
    code = (
        "import torch\n"
        "from mvlm.compiled import compiled_step\n"
        "from mvlm.generation import generate\n"
        "from mvlm.language import LanguageConfig, LanguageModel\n"
        "model = LanguageModel(LanguageConfig(vocab_size=61, width=48, depth=1, heads=6)).eval()\n"
        "for prompt in ([[1, 2]], [[3, 4, 5]]):\n"
        "    tokens = generate(model, prompt, max_new_tokens=5, step=compiled_step)\n"
        "    assert tokens == generate(model, prompt, max_new_tokens=5)\n"
    )
    nowhere = {"CXX": "no-such-compiler", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("torch.compile does not work here") == 1
    assert "C++ compiler such as g++" in done.stderr
