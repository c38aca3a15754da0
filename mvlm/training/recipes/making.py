"""From a recipe to a weights file: what `python -m mvlm train` calls for each model."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from accelerate import PartialState
from PIL.Image import Image
from torch import nn

from mvlm import hub, weights
from mvlm.clip import CLIP
from mvlm.data.scene import Scenes
from mvlm.images import open_image
from mvlm.language import LanguageModel
from mvlm.llava import LLaVA, Projector
from mvlm.small.cells import Cells
from mvlm.small.places import knows_places, with_places
from mvlm.small.reader import Answer, Read, Reader, Relate
from mvlm.small.windows import WindowedMolmo, Windows
from mvlm.tokenizer import IM_PATCH, Tokenizer
from mvlm.training.budget import make_budget, peak_memory
from mvlm.training.loop import (
    CHECKPOINT,
    Data,
    TrainConfig,
    make_accelerator,
    read_metrics,
    saved_step,
    train,
    write_whole,
)
from mvlm.training.recipes.clip import (
    CLIPData,
    CLIPObjective,
    CLIPRecipe,
    spread_features_,
    whiten_,
)
from mvlm.training.recipes.clip_photographs import (
    CLIPPhotographsRecipe,
    PairData,
    PairObjective,
)
from mvlm.training.recipes.drills import EVERY_PHRASING, WITH_UNANSWERABLE, other_words
from mvlm.training.recipes.features import Features, keep_features
from mvlm.training.recipes.hybrid import (
    HybridData,
    HybridObjective,
    HybridRecipe,
    TextData,
    TextObjective,
    mean_vectors,
)
from mvlm.training.recipes.language import (
    DrillData,
    LanguageData,
    LanguageObjective,
    LanguageRecipe,
    bring_plurals_near_,
    start_ready_to_look_,
)
from mvlm.training.recipes.llava import (
    CaptionData,
    LLaVAData,
    LLaVAObjective,
    LLaVARecipe,
    picture_states,
)
from mvlm.training.recipes.llava_photographs import (
    LLaVAPhotographsRecipe,
    TalkData,
    TalkObjective,
    caption_texts,
    check_fits,
    conversation_texts,
    pictures_of,
    read_conversations,
)
from mvlm.training.recipes.molmo import (
    ONE_QUESTION,
    SEVERAL,
    AlignData,
    AlignObjective,
    MolmoData,
    MolmoObjective,
    MolmoRecipe,
    MolmoScenes,
    as_large_as_words_,
    fit_scale_,
    look_at_all,
)
from mvlm.training.recipes.photographs import keep_pairs
from mvlm.training.recipes.pointing import TellData, TellObjective, forget_unread_, word_ids
from mvlm.training.recipes.reader import (
    AnswerData,
    AnswerObjective,
    ReadData,
    ReaderRecipe,
    ReadObjective,
    RelateData,
    RelateObjective,
    SumsData,
    reader_config,
)
from mvlm.training.recipes.tokens import TokenizerRecipe, make_tokenizer
from mvlm.training.recipes.vit import (
    MixedData,
    ViTObjective,
    ViTRecipe,
    classes,
    vit_config,
)
from mvlm.vit import ViT


def make_clip_patches(recipe: CLIPRecipe, out: Path, before: Path) -> Sequence[str]:
    """Train both towers of a CLIP from nothing; write `clip-patches.safetensors`."""
    tokenizer = weights.tokenizer(before)
    torch.manual_seed(recipe.train.seed)
    model = CLIP(recipe.model(tokenizer))
    data = CLIPData(recipe, tokenizer)
    spread_features_(model, data(range(16 * recipe.train.batch_size)))
    objective = CLIPObjective(model, recipe.view_weight)
    about = run(objective, data, recipe.train, out, recipe)
    return write(out, "clip-patches", model, about | {"model": asdict(model.config)})


def make_clip(recipe: HybridRecipe, out: Path, before: Path) -> Sequence[str]:
    """Train a hybrid tower for the texts of `clip-patches`; write `clip.safetensors`."""
    tokenizer = weights.tokenizer(before)
    learnt = weights.clip(before / "clip-patches.safetensors")
    torch.manual_seed(recipe.clip.train.seed)
    model = recipe.model(learnt)
    data = HybridData(recipe, tokenizer)
    batch = data(range(16 * recipe.clip.train.batch_size))
    with torch.no_grad():
        whiten_(model.image_projection, model.image(batch["first"]))
    objective = HybridObjective(model, tokenizer, recipe)
    about = run(objective, data, recipe.clip.train, out / "tower", recipe)
    model.requires_grad_(True)
    as_stored_(model)  # what the tower sees from here on is what its file will hold
    texts = TextData(recipe, tokenizer, mean_vectors(model.eval(), recipe))
    run(TextObjective(model), texts, recipe.texts, out / "texts", recipe)
    made_of = asdict(model.config) | {"stem": list(recipe.stem)}
    return write(out, "clip", model, about | {"model": made_of})


def make_vit(recipe: ViTRecipe, out: Path, before: Path) -> Sequence[str]:
    """Train the classifier, with `clip` for its teacher; write `vit.safetensors`."""
    teacher = weights.clip(before / "clip.safetensors")
    torch.manual_seed(recipe.train.seed)
    model = ViT(vit_config(recipe))
    objective = ViTObjective(model, teacher, recipe)
    about = run(objective, MixedData(recipe), recipe.train, out, recipe)
    about |= {"model": asdict(model.config), "classes": list(classes())}
    return write(out, "vit", model, about)


def make_language(recipe: LanguageRecipe, out: Path, before: Path) -> Sequence[str]:
    """Train the language model, in two runs; write `language.safetensors`."""
    tokenizer = weights.tokenizer(before)
    torch.manual_seed(recipe.train.seed)
    model = LanguageModel(recipe.model(tokenizer))
    start_ready_to_look_(model)
    objective = LanguageObjective(model)
    plain = LanguageData(recipe, tokenizer, recipe.train)
    run(objective, plain, recipe.train, out / "plain", recipe)
    bring_plurals_near_(model, tokenizer)
    drills = DrillData(recipe, tokenizer, recipe.again)
    about = run(objective, drills, recipe.again, out / "drills", recipe)
    return write(out, "language", objective, about | {"model": asdict(model.config)})


def make_llava(recipe: LLaVARecipe, out: Path, before: Path) -> Sequence[str]:
    """Both stages; write `llava-stage1.safetensors` and `llava.safetensors`."""
    tokenizer = weights.tokenizer(before)
    tower = weights.clip(before / "clip.safetensors").image
    language = weights.language(before / "language.safetensors")
    torch.manual_seed(recipe.train.seed)
    vision = Cells(tower)
    projector = Projector(vision.width, language.config.width, recipe.projector_depth)
    model = LLaVA(vision, projector, language, feature_layer=recipe.feature_layer)
    made_of = {
        "language": asdict(language.config),
        "vision_width": vision.width,
        "projector_depth": recipe.projector_depth,
        "feature_layer": recipe.feature_layer,
    }
    scenes = Scenes("train", recipe.pictures, seed=recipe.train.seed, artists=recipe.artists)
    states = picture_states(
        model.vision, scenes, recipe.pictures, feature_layer=recipe.feature_layer
    )
    objective = LLaVAObjective(model)
    language.requires_grad_(False)
    captions = CaptionData(
        scenes, states, tokenizer, recipe.align.seed, batch_size=recipe.align.batch_size
    )
    about = run(objective, captions, recipe.align, out / "stage1", recipe)
    first = write(out, "llava-stage1", projector, about | {"model": made_of}, "projector.")
    language.requires_grad_(True)
    chats = LLaVAData(
        scenes,
        states,
        tokenizer,
        recipe.train.seed,
        batch_size=recipe.train.batch_size,
        asked=recipe.asked,
        drills=recipe.drills,
    )
    run(objective, chats, recipe.train, out / "stage2", recipe)
    for config, ways, folder in (
        (recipe.again, EVERY_PHRASING, "stage2-again"),
        (recipe.more, WITH_UNANSWERABLE, "stage2-more"),
    ):
        data = LLaVAData(
            scenes,
            states,
            tokenizer,
            config.seed,
            batch_size=config.batch_size,
            asked=recipe.asked,
            drills=recipe.drills,
            more=ways,
            words=other_words(),
        )
        about = run(objective, data, config, out / folder, recipe)
        as_stored_(objective)  # so that the last lesson can begin from a file of weights, too
    return [*first, *write(out, "llava", objective, about | {"model": made_of})]


def make_molmo(recipe: MolmoRecipe, out: Path, before: Path) -> Sequence[str]:
    """Its three stages, from the language model on; write `molmo.safetensors`.

    What is learnt from told scenes lies in `told` and `told-again` and holds for every tower; what
    is learnt from pictures lies in `pictures`, and another tower begins there anew.
    """
    plain = weights.tokenizer(before)
    tokenizer, patch_id = with_places(plain), plain.token_id(IM_PATCH)
    language = told_language(recipe, out, before)
    torch.manual_seed(recipe.align.seed)
    tower, out_pictures = weights.clip(before / "clip.safetensors").image, out / "pictures"
    check_same_tower(tower, out_pictures)
    vision = Windows(tower, recipe.features)
    connector = recipe.connector(vision, language.config.width)
    model = WindowedMolmo(vision, connector, language, patch_id=patch_id)
    source = MolmoScenes("train", recipe.pictures, recipe.train.seed, recipe.artists)
    scenes, seen = look_at_all(vision, source, recipe.pictures, out_pictures / "seen.pt")
    fit_scale_(vision, seen[:40])
    as_large_as_words_(model, seen[:40])
    language.requires_grad_(False)
    aligned = AlignData(scenes, seen, tokenizer, recipe.align.seed)
    names = torch.tensor(sorted(set(word_ids(tokenizer).values())))
    run(AlignObjective(model, names), aligned, recipe.align, out_pictures / "stage1", recipe)
    language.requires_grad_(True)
    objective = MolmoObjective(model)
    for config, room, folder in (
        (recipe.train, ONE_QUESTION, "stage2"),
        (recipe.longer, SEVERAL, "stage2-longer"),
    ):
        data = MolmoData(
            recipe.one_view, scenes, seen, source.names, tokenizer, seed=config.seed, room=room
        )
        run(objective, data, config, out_pictures / folder, recipe)
    parts = nn.ModuleDict({"connector": connector, "language": language, "scale": vision.scale})
    as_stored_(parts)  # so that the last lesson can begin from a file of finished weights, too
    about = more_pictures(recipe, model, tokenizer, out_pictures)
    made_of = {
        "language": asdict(language.config),
        "features": recipe.features,
        "connector": {
            "pool_width": recipe.pool_width,
            "heads": recipe.heads,
            "mlp_width": recipe.mlp_width,
        },
    }
    return write(out, "molmo", parts, about | {"model": made_of})


def more_pictures(
    recipe: MolmoRecipe, model: WindowedMolmo, tokenizer: Tokenizer, out: Path
) -> dict:
    """The last lesson: as many other pictures, several questions about each."""
    seed = recipe.more.seed
    source = MolmoScenes("train", recipe.pictures, seed, recipe.artists)
    scenes, seen = look_at_all(model.vision, source, recipe.pictures, out / "seen-more.pt")
    data = MolmoData(
        recipe.one_view, scenes, seen, source.names, tokenizer, seed=seed, room=SEVERAL
    )
    return run(MolmoObjective(model), data, recipe.more, out / "stage2-more", recipe)


def told_language(recipe: MolmoRecipe, out: Path, before: Path) -> LanguageModel:
    """The language model that points in told scenes. No picture is seen, so no tower matters."""
    plain = weights.tokenizer(before)
    tokenizer, patch_id = with_places(plain), plain.token_id(IM_PATCH)
    language = weights.language(before / "language.safetensors")
    torch.manual_seed(recipe.told.seed)
    forget_unread_(language, patch_id)
    language = knows_places(language, plain).requires_grad_(True)
    telling = TellObjective(language, patch_id)
    told = TellData(tokenizer, recipe.told.steps * recipe.told.batch_size, recipe.told.seed)
    run(telling, told, recipe.told, out / "told", recipe.told)
    language.embedding.requires_grad_(False)
    more = TellData(tokenizer, 0, recipe.again.seed)
    run(telling, more, recipe.again, out / "told-again", recipe.again)
    return language


def check_same_tower(tower: ViT, folder: Path) -> None:
    """Raise when what lies in the folder was learnt with another tower; note whose it is.

    Raises:
        ValueError: it was.
    """
    path = folder / "tower.txt"
    weight = torch.cat([w.detach().flatten().half() for w in tower.state_dict().values()])
    ours = hashlib.sha256(weight.numpy().tobytes()).hexdigest()
    if not path.exists():
        write_whole(path, ours.encode())
    elif path.read_text() != ours:
        raise ValueError(
            f"{folder} holds what was learnt with another image tower: remove it to begin anew "
            "with this one (what was learnt from told scenes lies beside it and stays)"
        )


def make_reader(recipe: ReaderRecipe, out: Path, before: Path) -> Sequence[str]:
    """Its three parts, each by itself; write `reader.safetensors`.

    No part needs another to learn from, so each begins from its own seed.
    """
    config = reader_config(recipe)
    model = Reader(config)
    torch.manual_seed(recipe.read.seed)
    model.read = Read(config)
    seeing = ReadData(config, recipe.read.seed)
    run(ReadObjective(model.read), seeing, recipe.read, out / "read", recipe)
    torch.manual_seed(recipe.relate.seed)
    model.relate = Relate(config)
    told = RelateData(config, recipe.relate.seed)
    run(RelateObjective(model.relate), told, recipe.relate, out / "relate", recipe)
    torch.manual_seed(recipe.answer.seed)
    model.answer = Answer(config)
    objective = AnswerObjective(model.answer)
    sums = SumsData(config, recipe.sums.seed)
    run(objective, sums, recipe.sums, out / "sums", recipe)
    asked = AnswerData(config, recipe.answer.seed)
    about = run(objective, asked, recipe.answer, out / "answer", recipe)
    return write(out, "reader", model, about | {"model": asdict(config)})


def make_clip_photographs(recipe: CLIPPhotographsRecipe, out: Path, before: Path) -> Sequence[str]:
    """Fine-tune a CLIP of the hub on photographs; write the folder `clip-photographs`."""
    loaded = hub.load_clip(recipe.model)
    if loaded.tokenizer is None:
        raise ValueError(
            f"{recipe.model} holds no tokenizer: put the tokenizer.json, or vocab.json and "
            "merges.txt, of its family there"
        )
    torch.manual_seed(recipe.train.seed)
    model = CLIP(loaded.model.config) if recipe.scratch else loaded.model
    size = model.config.image.image_size[0]
    with make_accelerator(out).main_process_first():  # the others find what the first has brought
        pairs = keep_pairs(recipe.pairs, size * 8 // 7, out / "pairs")
    data = PairData(pairs, loaded.tokenizer, loaded.preprocessing, size, recipe)
    objective = PairObjective(model)
    about = run_within(objective, data, recipe.train, out / "run", recipe, recipe.gigabytes)
    folder = out / "clip-photographs"
    if PartialState().is_main_process:
        hub.save_clip(model, folder, hub.fetch(recipe.model))
        write_whole(folder / "training.json", json.dumps(about, indent=2).encode())
    return [str(folder)]


def make_llava_photographs(
    recipe: LLaVAPhotographsRecipe, out: Path, before: Path
) -> Sequence[str]:
    """Both stages on photographs; write `llava-photographs-stage1` and `llava-photographs`.

    What a file can have wrong is found before the first stage begins, and stays as it was.
    """
    accelerator = make_accelerator(out)
    conversations = read_conversations(recipe.conversations, recipe.images)
    pictures = pictures_of(conversations)
    tower, look, _ = hub.load_clip_vision(recipe.tower)
    language, tokenizer = hub.load_language(recipe.language)
    if tokenizer is None:
        raise ValueError(f"{recipe.language} holds no tokenizer: put its tokenizer.json there")
    torch.manual_seed(recipe.align.seed)
    projector = Projector(tower.config.width, language.config.width)
    model = LLaVA(tower, projector, language, feature_layer=recipe.feature_layer)
    check_fits(recipe, model)
    talks = conversation_texts(conversations, pictures, tokenizer, recipe.longest)
    with accelerator.main_process_first():  # the others find what the first has brought
        pairs = keep_pairs(recipe.pairs, tower.config.image_size[0] * 8 // 7, out / "pairs")
    captions = caption_texts(pairs, tokenizer)

    def features(shown: Callable[[int], Image], names: Sequence[str], kind: str) -> Features:
        folder, layer = out / "features" / kind, recipe.feature_layer
        return keep_features(tower, look, shown, names, folder, accelerator, feature_layer=layer)

    seen = features(lambda i: pairs[i]["image"], list(pairs["caption"]), "captions")
    named = [f"{picture} {picture.stat().st_size}" for picture in pictures]  # another, if replaced
    shown = features(lambda i: open_image(pictures[i]), named, "conversations")
    objective = TalkObjective(model)

    def stage(folder: str, data: TalkData, config: TrainConfig, settings: object, name: str) -> str:
        most = recipe.gigabytes
        about = run_within(objective, data, config, out / folder, settings, most, data.widest)
        if accelerator.is_main_process:
            model.to("cpu")
            tower_folder, language_folder = map(hub.fetch, (recipe.tower, recipe.language))
            hub.save_llava(model, out / name, tower=tower_folder, language=language_folder)
            write_whole(out / name / "training.json", json.dumps(about, indent=2).encode())
        return str(out / name)

    language.requires_grad_(False)
    data = TalkData(captions, seen, tokenizer.pad_id, recipe.align)
    # What stage 2 reads, and how, may still change while stage 1 stays as it is.
    first = replace(recipe, conversations="", images="", longest=0, train=TrainConfig())
    files = [stage("stage1", data, recipe.align, first, "llava-photographs-stage1")]
    if not talks:
        return files
    language.requires_grad_(True)
    data = TalkData(talks, shown, tokenizer.pad_id, recipe.train)
    return [*files, stage("stage2", data, recipe.train, recipe, "llava-photographs")]


def make_course_tokenizer(recipe: TokenizerRecipe, out: Path, before: Path) -> Sequence[str]:
    """Learn the tokenizer that every model of the course uses; write `tokenizer.json`."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / weights.TOKENIZER
    make_tokenizer(recipe).save(path)
    return [str(path)]


MAKERS: dict[str, tuple[type, Callable[..., Sequence[str]]]] = {
    "tokenizer": (TokenizerRecipe, make_course_tokenizer),
    "clip-patches": (CLIPRecipe, make_clip_patches),
    "clip": (HybridRecipe, make_clip),
    "vit": (ViTRecipe, make_vit),
    "language": (LanguageRecipe, make_language),
    "llava": (LLaVARecipe, make_llava),
    "molmo": (MolmoRecipe, make_molmo),
    "reader": (ReaderRecipe, make_reader),
    "clip-photographs": (CLIPPhotographsRecipe, make_clip_photographs),
    "llava-photographs": (LLaVAPhotographsRecipe, make_llava_photographs),
}


def run(
    objective: nn.Module, data: Data, config: TrainConfig, folder: Path, recipe: object
) -> dict:
    """Train, and say what a card needs to know: recipe, minutes, machine, last loss."""
    train(objective, data, config, folder, recipe=asdict(recipe))
    curve = read_metrics(folder)
    seconds = sum(config.batch_size / row.examples_per_second for row in curve)
    last = curve[-20:]
    return {
        "recipe": asdict(recipe),
        "steps": saved_step(folder),
        "minutes": round(seconds / 60, 1),
        "loss": round(sum(row.loss for row in last) / len(last), 4),
        "machine": f"{weights.machine()} ({platform.machine()})",
        "torch": torch.__version__,
    }


def run_within(
    objective: nn.Module,
    data: Data,
    config: TrainConfig,
    folder: Path,
    recipe: object,
    gigabytes: float,
    widest: Data | None = None,
) -> dict:
    """As `run`, with what it will cost said before, and held against what it did cost after."""
    if (folder / CHECKPOINT).exists() and saved_step(folder) == config.steps:
        return run(objective, data, config, folder, recipe)
    budget = make_budget(objective, data, config, folder, gigabytes, widest)
    main = PartialState().is_main_process
    if main:
        print(budget, flush=True)
    began = time.perf_counter()
    about = run(objective, data, config, folder, recipe)
    if main:
        peak = peak_memory(PartialState().device)
        print(budget.beside(time.perf_counter() - began, peak), flush=True)
    return about


@torch.no_grad()
def as_stored_(model: nn.Module) -> None:
    """Round every weight to half precision, as `weights.to_file` will."""
    for weight in model.parameters():
        weight.copy_(weight.half())


def write(out: Path, name: str, model: nn.Module, about: dict, prefix: str = "") -> Sequence[str]:
    """The finished weights, in the run's folder; of several processes the first writes them."""
    path = out / f"{name}.safetensors"
    if not PartialState().is_main_process:
        return [str(path)]
    tensors = {prefix + key: tensor for key, tensor in model.state_dict().items()}
    write_whole(path, weights.to_file(tensors, about))
    return [str(path)]
