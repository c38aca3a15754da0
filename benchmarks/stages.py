"""Is stage 1 needed here? ``python benchmarks/stages.py`` trains stage 2 with it and without it.

They begin with the projector of `llava-stage1.safetensors`, or with an untrained one: once for as
many steps, and once for twice as many, which is about what stage 1 and those steps read
together. Conversations and highest rate are the same; the rate falls to its end over a run's own
steps. Every so many steps 100 scenes are asked about, with their own picture and with the next
scene's. Some twenty minutes on one core; writes `stages.json`, which chapter 10 shows.
"""

from __future__ import annotations

import tempfile

import torch
from harness import write

from mvlm import weights
from mvlm.chat import Chat
from mvlm.data.scene import Scenes
from mvlm.evaluation.scoring import share
from mvlm.llava import LLaVA, Projector
from mvlm.tasks import exact_match, final_answer
from mvlm.training.loop import Metrics, TrainConfig, train
from mvlm.training.recipes.llava import LLaVAData, LLaVAObjective, picture_states, pictures

FIRST = weights.HERE / "llava-stage1.safetensors"
PICTURES, SCENES = 2000, 100
ASKED_AFTER, ASKED_LATER = (40, 120, 240, 480), (480, 960)
BATCH, RATE = 16, 1e-3


def begin(*, aligned: bool) -> LLaVA:
    """The released stage 1, or the same with a projector that has learnt nothing."""
    llava = weights.llava(FIRST)
    if not aligned:
        torch.manual_seed(0)
        llava.projector = Projector(llava.projector.vision_width, llava.language.config.width)
    llava.projector.requires_grad_(True)
    llava.language.requires_grad_(True)
    return llava


@torch.inference_mode()
def asked(llava: LLaVA, scenes: Scenes) -> dict[str, float]:
    """Share of right answers with the own picture and with the next scene's."""
    chat = Chat(tokenizer=weights.tokenizer())
    pixels, drawn = scenes.batch(range(len(scenes)))
    pairs = [(i, one) for i, scene in enumerate(drawn) for one in scene.questions]
    images, whose = pictures(pixels), torch.tensor([i for i, _ in pairs])
    llava.eval()
    shares = {}
    for name, shown in (("own picture", images), ("another's", images.roll(1, dims=0))):
        said = llava.answer(chat, shown[whose], [one.question for _, one in pairs])
        shares[name] = share(
            exact_match(final_answer(text), one.answer)
            for text, (_, one) in zip(said, pairs, strict=True)
        )
    llava.train()
    return shares | {"questions": len(pairs)}


def measured(
    llava: LLaVA, data: LLaVAData, scenes: Scenes, asked_after: tuple[int, ...]
) -> dict[str, dict]:
    """Steps taken → what it says then. The last of `asked_after` ends the run."""
    steps = asked_after[-1]
    config = TrainConfig(
        steps=steps,
        batch_size=BATCH,
        learning_rate=RATE,
        warmup=20,
        weight_decay=0.01,
        save_every=steps,
    )
    found = {"0": asked(llava, scenes)}

    def after_step(metrics: Metrics) -> None:
        if metrics.step + 1 in asked_after:
            found[str(metrics.step + 1)] = asked(llava, scenes) | {"loss": round(metrics.loss, 3)}

    with tempfile.TemporaryDirectory() as folder:
        train(LLaVAObjective(llava), data, config, folder, after_step=after_step)
    return found


def main() -> None:
    lessons, scenes = Scenes("train", PICTURES), Scenes("test", SCENES, seed=10)
    states = picture_states(begin(aligned=True).vision, lessons, PICTURES, feature_layer=-1)
    data = LLaVAData(lessons, states, weights.tokenizer(), seed=0, batch_size=BATCH)
    runs = {
        name: measured(begin(aligned=aligned), data, scenes, asked_after)
        for name, aligned, asked_after in (
            ("from stage 1", True, ASKED_AFTER),
            ("from an untrained projector", False, ASKED_AFTER),
            ("from an untrained projector, longer", False, ASKED_LATER),
        )
    }
    write("stages.json", {"batch_size": BATCH, "rate": RATE} | runs)


if __name__ == "__main__":
    main()
