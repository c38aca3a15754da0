"""Released models from the command line: small random ones in folders, no network."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import psutil
import pytest
import tokenizers
import torch
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from molmo_folders import write_folder
from PIL import Image
from tokenizers import decoders, models, pre_tokenizers, processors
from torch import nn

from mvlm import hub, weights
from mvlm.__main__ import main
from mvlm.chat import VICUNA_SYSTEM, Chat
from mvlm.clip import CLIP, clip_vision_config
from mvlm.commands import released
from mvlm.commands.pointing import draw_points
from mvlm.commands.released_partners import answer_length
from mvlm.data.scene import Scenes
from mvlm.evaluation.class_folders import class_scores, classes_ahead
from mvlm.evaluation.pope import SHORT, Asked, pope_scores
from mvlm.language import LanguageModel
from mvlm.llava import LLaVA, Projector
from mvlm.points import Point
from mvlm.training.recipes.llava import pictures
from mvlm.vit import ViT

transformers = pytest.importorskip("transformers")
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

VISION = {"hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2}
VISION |= {"num_attention_heads": 3, "image_size": 8, "patch_size": 4}
WORDS = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
WORDS |= {"num_attention_heads": 2}
# What a class of transformers' saves beside the weights.
PICTURES = {
    "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 8},
    "crop_size": {"height": 8, "width": 8},
}  # fmt: skip
SIGNS = sorted(pre_tokenizers.ByteLevel.alphabet())


def shake(model):
    torch.manual_seed(1)
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def write_clip(folder):
    config = transformers.CLIPConfig(
        text_config=WORDS | {"vocab_size": 514, "max_position_embeddings": 77, "eos_token_id": 513},
        vision_config=VISION,
        projection_dim=8,
    )
    shake(transformers.CLIPModel(config)).save_pretrained(folder)
    vocab = {c: i for i, c in enumerate(SIGNS)} | {c + "</w>": 256 + i for i, c in enumerate(SIGNS)}
    vocab |= {"<|startoftext|>": 512, "<|endoftext|>": 513}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "preprocessor_config.json").write_text(json.dumps(PICTURES))
    return folder


def write_llava(folder, context=1024):
    backend = tokenizers.Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(SIGNS)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<s>", "</s>", "<image>"])
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 256)]
    )
    config = transformers.LlavaConfig(
        text_config=transformers.LlamaConfig(
            **WORDS, vocab_size=259, max_position_embeddings=context, eos_token_id=257
        ),
        vision_config=transformers.CLIPVisionConfig(**VISION),
        image_token_index=258,
    )
    shake(transformers.LlavaForConditionalGeneration(config)).save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PICTURES))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    top = tmp_path_factory.mktemp("released")
    return {
        "clip": write_clip(top / "clip"),
        "llava": write_llava(top / "llava"),
        "molmo": write_folder("qwen2", top / "molmo"),
    }


@pytest.fixture
def photo(tmp_path):
    """Nobody's cat, 60 pixels high and 90 wide."""
    noise = np.random.default_rng(3).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(noise).save(path)
    return path


def refused(capsys, *words, status=1):
    """The one sentence that a command ends with."""
    assert main([str(word) for word in words]) == status
    shown = capsys.readouterr()
    errors = [line for line in shown.err.splitlines() if line.startswith(("error: ", "mvlm "))]
    assert len(errors) == 1, shown.err
    assert "Traceback" not in shown.err
    return errors[0]


# ---------------------------------------------------------------------------------- classify


@pytest.mark.parametrize("templates", [[], ["a drawing of a {}", "{}"]])
def test_classify_says_what_transformers_says(folders, photo, capsys, templates):
    labels = ["dog", "old cat"]
    more = [word for template in templates for word in ("--template", template)]
    command = ["classify", str(photo), *labels, "--model", str(folders["clip"]), *more]
    assert main(command) == 0
    shown = capsys.readouterr()
    said = {line[:-6].strip(): float(line[-6:-1]) for line in shown.out.splitlines()}
    theirs = transformers.CLIPModel.from_pretrained(folders["clip"]).eval()
    tokens = transformers.CLIPTokenizer.from_pretrained(folders["clip"])
    prepared = transformers.CLIPImageProcessor(
        size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}
    )(Image.open(photo), return_tensors="pt")

    def unit(output):
        vectors = getattr(output, "pooler_output", output)
        return vectors / vectors.norm(dim=-1, keepdim=True)

    with torch.no_grad():
        image = unit(theirs.get_image_features(**prepared))
        scores = []
        for label in labels:
            prompts = [t.format(label) for t in templates or ["a photo of a {}."]]
            batch = tokens(prompts, return_tensors="pt", padding=True)
            text = unit(theirs.get_text_features(**batch)).mean(0)
            scores.append(theirs.logit_scale.exp() * image[0] @ (text / text.norm()))
        want = torch.stack(scores).softmax(0)
    assert [said[label] for label in labels] == pytest.approx((100 * want).tolist(), abs=0.06)
    assert "million numbers" in shown.err
    assert "in float32" in shown.err
    assert "of this machine's memory are free" in shown.err


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_classify_in_half_precision(folders, photo, capsys, dtype):
    command = ["classify", str(photo), "dog", "cat", "--model", str(folders["clip"])]
    assert main([*command, "--device", "cpu", "--dtype", dtype]) == 0
    shown = capsys.readouterr()
    assert sum(float(line[-6:-1]) for line in shown.out.splitlines()) == pytest.approx(100, abs=0.2)
    assert f"in {dtype}" in shown.err


# -------------------------------------------------------------------------------------- chat


def test_chat_with_a_llava_says_what_transformers_says(folders, photo, capsys):
    asked = ["Is it a cat?", "Why so?"]
    command = ["chat", str(photo), "--model", str(folders["llava"])]
    assert main([*command, *(word for question in asked for word in ("--ask", question))]) == 0
    shown = capsys.readouterr()
    theirs = transformers.LlavaForConditionalGeneration.from_pretrained(folders["llava"]).eval()
    tokens = transformers.AutoTokenizer.from_pretrained(folders["llava"])
    pixels = transformers.CLIPImageProcessor(
        size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}
    )(Image.open(photo), return_tensors="pt")["pixel_values"]
    prompt = VICUNA_SYSTEM + "USER: " + "<image>" * 4 + "\nIs it a cat? ASSISTANT:"
    ids = tokens(prompt, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        row = theirs.generate(
            input_ids=ids, pixel_values=pixels, do_sample=False,
            max_new_tokens=answer_length(1024), attention_mask=torch.ones_like(ids),
        )  # fmt: skip
    first = tokens.decode(row[0, ids.shape[1] :], skip_special_tokens=True).strip()
    first = first.rstrip("\ufffd")  # the start of a letter that did not come to its end
    assert f"> Is it a cat?\n{first}" in shown.out
    assert "> Why so?\n" in shown.out


def test_a_llava_remembers_and_a_small_context_forgets(tmp_path, photo, capsys):
    folder = write_llava(tmp_path / "llava", context=400)
    asked = [word for i in range(4) for word in ("--ask", f"And number {i}?")]
    assert main(["chat", str(photo), "--model", str(folder), *asked]) == 0
    error = refused(capsys, "chat", photo, "--model", folder, "--ask", "so " * 200)
    assert "tokens long and there is room for" in error


POINTS = 'Two. <points x1="10.0" y1="50.0" x2="90.0" y2="50.0" alt="cup">cup</points>'


def test_a_molmos_points_are_drawn_into_a_copy(folders, photo, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mvlm.commands.chat.reply", lambda *_: iter([POINTS[:9], POINTS[9:]]))
    before, copy = photo.read_bytes(), tmp_path / "points.png"
    command = ["chat", str(photo), "--model", str(folders["molmo"]), "--ask", "Point."]
    assert main([*command, "--save", str(copy)]) == 0
    out = capsys.readouterr().out
    assert POINTS in out
    assert "points, in pixels from the left and the top: (9, 30) (81, 30)" in out
    assert f"drawn into {copy}" in out
    assert photo.read_bytes() == before
    changed = np.any(np.array(Image.open(copy)) != np.array(Image.open(photo)), axis=-1)  # (60, 90)
    assert changed[22:39, 1:18].any()
    assert changed[22:39, 73:90].any()
    assert not changed[:, 20:70].any()
    assert not changed[30, [9, 81]].any()  # the things themselves stay to be seen


def test_chat_with_a_molmo_says_what_the_model_says(folders, photo, tmp_path, capsys):
    copy = tmp_path / "points.png"
    asked = ["--ask", "How many <image> cups?", "--ask", "Point."]
    command = ["chat", str(photo), "--model", str(folders["molmo"])]
    assert main([*command, *asked, "--save", str(copy)]) == 0
    shown = capsys.readouterr()
    model, preprocessing, tokenizer = hub.load_molmo(folders["molmo"])
    pictures = preprocessing(Image.open(photo))
    prompt = hub.molmo_prompt("Point.", pictures, tokenizer)
    length = answer_length(model.language.config.context)
    (ids,) = model.generate(pictures, [prompt], max_new_tokens=length, end_id=tokenizer.end_ids)
    assert shown.out.endswith(f"> Point.\n{tokenizer.decode(ids).lstrip()}\n")
    assert f"no answer points, so {copy} was not written" in shown.err
    assert not copy.exists()


def test_each_answer_has_a_colour_and_points_at_the_edge_are_drawn():
    picture = Image.new("RGB", (200, 100), "black")
    drawn = np.array(draw_points(picture, [[Point(0, 0)], [Point(50, 50)], [Point(100, 100)]]))
    assert picture.getcolors() == [(20_000, (0, 0, 0))]
    inks = {tuple(ink) for ink in drawn.reshape(-1, 3).tolist()}
    assert {(230, 159, 0), (0, 114, 178), (0, 158, 115), (255, 255, 255)} <= inks


# ---------------------------------------------------------------------------------- evaluate


@pytest.fixture
def classes(tmp_path):
    """Three classes of two, one and three pictures, and things that are none."""
    top, rng = tmp_path / "classes", np.random.default_rng(5)
    for name, count in (("tabby_cat", 2), ("dog", 1), ("Key", 3)):
        (top / name).mkdir(parents=True)
        for i in range(count):
            noise = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
            Image.fromarray(noise).save(top / name / f"{i}.PNG")
        for other in ("notes.txt", "all.pdf"):
            (top / name / other).write_text("no picture")
        (top / name / "._0.PNG").write_bytes(b"a Mac's")
    (top / ".cache").mkdir()
    return top


def test_evaluate_clip_on_a_folder_of_class_folders(folders, classes, capsys):
    command = ["evaluate", "clip", "--model", str(folders["clip"]), "--data", str(classes)]
    assert main([*command, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["labels"] == ["Key", "dog", "tabby cat"]
    assert scores["templates"] == ["a photo of a {}."]
    assert (scores["pictures"], scores["classes"], scores["precision"]) == (6, 3, "float32")
    assert scores["chance"] == {"top1": 0.3333, "top5": 1.0}
    assert scores["always the largest class"] == 0.5
    # The same, picture by picture.
    model, look, tokenizer = hub.load_clip(folders["clip"])
    right = []
    with torch.no_grad():
        texts = model.encode_text(tokenizer([f"a photo of a {n}." for n in scores["labels"]]))
        for label, name in enumerate(("Key", "dog", "tabby_cat")):
            for path in sorted((classes / name).glob("[0-9].PNG")):
                best = (model.encode_image(look(Image.open(path))) @ texts.T).argmax()
                right.append((label, int(best == label)))
    assert scores["top1"] == pytest.approx(sum(r for _, r in right) / 6, abs=1e-4)
    for label, name in enumerate(scores["labels"]):
        own = [r for of, r in right if of == label]
        assert scores["recall"][name] == {
            "pictures": len(own), "right": pytest.approx(sum(own) / len(own), abs=1e-4),
        }  # fmt: skip
    assert main([*command, "--count", "1", "--template", "a {}"]) == 0
    out = capsys.readouterr().out
    assert "Key, dog, tabby cat" in out
    assert out.splitlines()[3].split() == ["templates", "a", "{}"]


def test_class_scores_by_hand():
    """Class 0: 3 of 4 right, class 1: 0 of 1."""
    ahead, labels = torch.tensor([0, 0, 0, 6, 2]), torch.tensor([0, 0, 0, 0, 1])
    scores = class_scores(ahead, labels, ["a", "b"])
    assert (scores["top1"], scores["top5"], scores["mean recall"]) == (0.6, 0.8, 0.375)
    assert scores["standard error of top1"] == pytest.approx((0.6 * 0.4 / 5) ** 0.5, abs=1e-4)
    assert scores["standard error of mean recall"] == pytest.approx(
        (0.75 * 0.25 / 4) ** 0.5 / 2, abs=1e-4
    )


def test_a_model_that_scores_everything_alike_names_nothing():
    assert classes_ahead(torch.zeros(2, 3), torch.tensor([0, 2])).tolist() == [2, 2]
    scores = torch.tensor([[0.1, 0.3, 0.2], [0.3, 0.2, 0.1]])
    assert classes_ahead(scores, torch.tensor([1, 2])).tolist() == [0, 2]


def write_pope(folder, name="coco_pope_random.json", count=3):
    folder.mkdir(exist_ok=True)
    rows = []
    for i in range(count):
        Image.new("RGB", (10, 14), (40 * i, 80, 120)).save(folder / f"{i}.jpg")
        rows.append(
            {"question_id": i, "image": f"{i}.jpg", "text": "Is there a dog in the image?",
             "label": ("yes", "no")[i % 2]}
        )  # fmt: skip
    path = folder / name
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def test_evaluate_llava_on_popes_files(folders, tmp_path, capsys, monkeypatch):
    write_pope(tmp_path / "pope", "coco_pope_random.json")
    write_pope(tmp_path / "pope", "coco_pope_popular.json", 2)
    write_pope(tmp_path / "pope", "coco_pope_adversarial.json", 2)
    command = ["evaluate", "llava", "--model", str(folders["llava"]), "--json"]
    assert main([*command, "--data", str(tmp_path / "pope")]) == 0
    scores = json.loads(capsys.readouterr().out)
    kinds = ["coco_pope_adversarial", "coco_pope_popular", "coco_pope_random"]
    assert list(scores)[-3:] == kinds
    for kind in kinds:  # it knows no word
        assert scores[kind]["by first word"]["unreadable"] == 1
        assert scores[kind]["by first word"]["accuracy"] == 0
        assert scores[kind]["as published"]["share of yes"] == 1
    asked = []

    def answer(self, chat, images, questions, **options):
        asked.extend(questions)
        return ["Yes", "No, there is none.", "It is dark"][: len(questions)]

    monkeypatch.setattr("mvlm.llava.LLaVA.answer", answer)
    data = tmp_path / "pope" / "coco_pope_random.json"
    assert main([*command, "--data", str(data)]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["prompt"] == "QUESTION" + SHORT
    assert asked == ["Is there a dog in the image?" + SHORT] * 3
    random = scores["coco_pope_random"]
    assert (random["questions"], random["pictures"]) == (3, 3)
    assert random["by first word"] == {
        "accuracy": 0.6667, "f1": 0.6667, "share of yes": 0.3333,
        "standard error of accuracy": 0.2722, "unreadable": 0.3333,
    }  # fmt: skip
    assert random["as published"] == {"accuracy": 1.0, "f1": 1.0, "share of yes": 0.6667}
    assert random["always yes"] == {"accuracy": 0.6667, "f1": 0.8, "share of yes": 1.0}
    assert main([*command, "--data", str(data), "--count", "1", "--images", str(data.parent)]) == 0
    assert json.loads(capsys.readouterr().out)["coco_pope_random"]["questions"] == 1


def test_a_table_of_names_sees_no_picture():
    """A dog is always there and a cat never: half of the pictures tell it, whatever was said."""
    asked = [Asked(Path(f"{i}.jpg"), f"Is there a {n}?", n == "dog") for i in range(4)
             for n in ("dog", "cat")]  # fmt: skip
    scores = pope_scores([""] * 8, asked)
    assert scores["table of names"] == {"accuracy": 1.0, "f1": 1.0, "share of yes": 0.5}
    assert scores["by first word"]["accuracy"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty: wanted lines such as"),
        ("what?", "line 1 of"),
        ('{"image": "0.jpg", "text": "Is there a dog?"}', "line 1 of"),
        ('\n{"image": "0.jpg", "text": "Is there a dog?", "label": "maybe"}', "line 2 of"),
        ('{"image": "9.jpg", "text": "Is there a dog?", "label": "no"}', "with --images"),
    ],
)
def test_questions_that_are_none(folders, tmp_path, capsys, text, said):
    path = write_pope(tmp_path / "pope")
    path.write_text(text)
    command = "evaluate", "llava", "--model", folders["llava"], "--data"
    assert said in refused(capsys, *command, path)
    assert "there are no questions at" in refused(capsys, *command, tmp_path / "none")


def test_class_folders_that_are_none(folders, tmp_path, classes, capsys):
    command = "evaluate", "clip", "--model", folders["clip"], "--data"
    assert "there is no folder" in refused(capsys, *command, tmp_path / "none")
    assert "holds 0 folders, wanted at least two" in refused(capsys, *command, classes / "dog")
    (classes / "dog" / "0.PNG").rename(classes / "dog" / "0.txt")
    assert "holds no picture" in refused(capsys, *command, classes)
    shutil.rmtree(classes / "dog")
    shutil.copytree(classes / "tabby_cat", classes / "tabby cat")
    assert "two folders in" in refused(capsys, *command, classes)
    shutil.rmtree(classes / "tabby cat")
    (classes / "Key" / "1.PNG").write_bytes(b"nothing to see")
    assert "1.PNG is not a picture" in refused(capsys, *command, classes)


# ------------------------------------------------------------------------------------ errors


def hub_error(kind):
    """Without the answer of a server, which it is usually made of."""
    error = kind.__new__(kind)
    Exception.__init__(error, "no")
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LocalEntryNotFoundError("offline"), "check the name and the network"),
        (hub_error(RepositoryNotFoundError), "the hub has no such name that you may read"),
        (hub_error(GatedRepoError), "accept their terms: do so at https://huggingface.co/x/y"),
        (hub_error(RevisionNotFoundError), "it has no such revision"),
        (HFValidationError("Repo id must be"), "a name of the hub is owner/name"),
        (OSError(28, "No space left on device"), "the disk is full"),
    ],
)
@pytest.mark.parametrize("command", ["classify", "chat", "evaluate"])
def test_a_name_that_cannot_be_fetched(photo, classes, capsys, monkeypatch, error, said, command):
    def snapshot_download(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    words = {
        "classify": ["classify", photo, "dog"],
        "chat": ["chat", photo, "--ask", "So?"],
        "evaluate": ["evaluate", "clip", "--data", classes],
    }[command]
    sentence = refused(capsys, *words, "--model", "x/y")
    assert sentence.startswith("error: 'x/y' is no folder here and could not be fetched")
    assert said in sentence


def test_what_is_fetched_of_a_name_and_when(folders, photo, capsys, monkeypatch):
    """The config, then the number of weights, and only then the weights."""
    asked = []

    def snapshot_download(name, *, revision, allow_patterns):
        asked.append((name, revision, allow_patterns))
        return str(folders["clip"])

    def metadata(self, name, *, revision):
        return SimpleNamespace(parameter_count={"F32": 10, "I64": count})

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub.HfApi, "get_safetensors_metadata", metadata)
    command = ["classify", photo, "dog", "--model", "x/y", "--revision", "v2"]
    count = 10**15
    assert "at work" in refused(capsys, *command)
    assert [(files, revision) for _, revision, files in asked] == [(["config.json"], "v2")]
    count = 6_789_990
    assert main([str(word) for word in command]) == 0
    assert "x/y: 6.8 million numbers, 27.2 MB in float32" in capsys.readouterr().err
    assert "*.json" in asked[-1][2]


@pytest.mark.parametrize(
    ("available", "said"),
    [(0.6, "pass --dtype bfloat16"), (0.2, "take a smaller model or a larger machine")],
)
def test_too_little_memory(folders, photo, capsys, monkeypatch, available, said):
    takes = 4 * sum(p.numel() for p in hub.load_molmo(folders["molmo"]).model.parameters())
    memory = SimpleNamespace(available=int(available * released.AT_WORK * takes))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    command = "chat", photo, "--model", folders["molmo"], "--ask", "So?", "--device", "cpu"
    sentence = refused(capsys, *command)
    assert f"needs {released.bytes_in_words(round(released.AT_WORK * takes))} at work" in sentence
    assert said in sentence
    if available > 0.5:
        assert main([*map(str, command), "--dtype", "bfloat16"]) == 0


@pytest.mark.parametrize(
    ("device", "wish", "wanted"),
    [
        ("cuda", None, {"clip": "float16", "llava": "float16", "molmo": "bfloat16"}),
        ("cpu", None, {"clip": "float32", "llava": "float32", "molmo": "float32"}),
        ("cuda", "float32", {"clip": "float32"}),
    ],
)
def test_half_precision_comes_by_itself_on_a_gpu(folders, monkeypatch, device, wish, wanted):
    def check_room(name, count, dtype, device):
        raise ValueError(str(dtype))

    monkeypatch.setattr(released, "device_for", lambda _: torch.device(device))
    monkeypatch.setattr(released, "check_room", check_room)
    for kind, dtype in wanted.items():
        options = SimpleNamespace(
            hub=str(folders[kind]), revision=None, device=None, dtype=wish, eight_bit=None
        )
        with pytest.raises(ValueError, match=f"^torch.{dtype}$"):
            released.load(options, (kind,))


@pytest.mark.parametrize("kind", ["clip", "llava", "molmo"])
def test_eight_bits_a_weight(folders, photo, kind):
    """Every linear layer's weight becomes a byte a number and a scale a row, and answers stay."""
    options = SimpleNamespace(
        hub=str(folders[kind]), revision=None, device="cpu", dtype=None, eight_bit=None
    )
    whole = released.load(options, (kind,)).model
    options.eight_bit = True
    model = released.load(options, (kind,)).model
    layers = [name for name, module in whole.named_modules() if isinstance(module, nn.Linear)]
    assert layers
    for name in layers:
        weight = whole.get_submodule(name).weight
        scale = weight.abs().amax(dim=1, keepdim=True) / 127
        ours = model.get_submodule(name).weight.dequantize()
        off = (ours - weight).abs()
        assert off.max() > 0, name
        assert (off <= 0.51 * scale).all(), name


@pytest.mark.parametrize("kind", ["clip", "llava", "molmo"])
def test_commands_in_eight_bits(folders, photo, capsys, kind):
    words = ("classify", photo, "dog", "cat") if kind == "clip" else ("chat", photo, "--ask", "So?")
    command = [*map(str, words), "--model", str(folders[kind])]
    said = []
    for more in ([], ["--eight-bit"]):
        assert main([*command, *more]) == 0
        said.append(capsys.readouterr().out)
    assert said[0].splitlines()[0].split()[0] == said[1].splitlines()[0].split()[0]


def test_eight_bits_leave_the_answers_of_the_courses_llava():
    """As the set-up page says."""
    llava, chat = weights.llava(), Chat(tokenizer=weights.tokenizer())
    scenes = Scenes("test", 20, seed=77)
    asked = [(i, one.question) for i in range(20) for one in scenes.scene(i).questions]
    images = pictures(torch.stack([scenes[i][0] for i, _ in asked]))
    questions = [question for _, question in asked]
    before = llava.answer(chat, images, questions)
    released.to_eight_bits(llava, torch.device("cpu"))
    assert llava.answer(chat, images, questions) == before


def test_eight_bits_where_the_gpu_is_too_small(folders, monkeypatch):
    """Loaded whole into this machine's memory, then a layer at a time to the GPU."""
    rooms = []
    monkeypatch.setattr(released, "device_for", lambda _: torch.device("cuda"))
    monkeypatch.setattr(released, "check_room", lambda *what: rooms.append(what[2:]))
    monkeypatch.setattr(released, "to_eight_bits", lambda model, device: rooms.append(device))
    options = SimpleNamespace(
        hub=str(folders["clip"]), revision=None, device=None, dtype=None, eight_bit=True
    )
    assert released.load(options, ("clip",)).weight.device.type == "cpu"
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert rooms == [(torch.float16, cpu), (torch.int8, cuda), cuda]


def test_a_half_that_does_not_fit_is_offered_eight_bits(monkeypatch):
    monkeypatch.setattr(released, "free_memory", lambda _: (12, "the GPU's memory"))
    with pytest.raises(ValueError, match="pass --eight-bit$"):
        released.check_room("it", 10, torch.float16, torch.device("cuda"))
    with pytest.raises(ValueError, match="take a smaller model or a larger machine$"):
        released.check_room("it", 12, torch.int8, torch.device("cuda"))
    # On a CPU eight bits are made from whole weights, which do not fit.
    with pytest.raises(ValueError, match="take a smaller model or a larger machine$"):
        released.check_room("it", 10, torch.float16, torch.device("cpu"))


def test_eight_bits_without_torchao(folders, photo, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchao", None)
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    command = "chat", photo, "--model", folders["llava"], "--ask", "So?", "--eight-bit"
    assert "pip install torchao" in refused(capsys, *command)


def test_a_gpus_free_memory_is_its_own(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: asked.append(index) or (7, 9))
    for device in ("cuda", "cuda:1"):
        assert released.free_memory(torch.device(device)) == (7, "the GPU's memory")
    assert asked == [None, 1]
    assert released.free_memory(torch.device("cpu"))[0] > 1e6


def test_memory_in_words():
    assert released.bytes_in_words(14_130_000_000) == "14.1 GB"
    assert released.bytes_in_words(99_000_000) == "99.0 MB"


def test_a_device_that_is_not_there(folders, photo, capsys):
    command = "classify", photo, "dog", "--model", folders["clip"], "--device"
    for device in ("cuda:77", "meta"):
        assert f"torch finds no device '{device}' here" in refused(capsys, *command, device)
    assert "no device is called 'gpu'" in refused(capsys, *command, "gpu")


def test_a_full_gpu_ends_with_one_sentence(folders, photo, capsys, monkeypatch):
    def full(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate\n20 GiB")

    monkeypatch.setattr("mvlm.clip.CLIP.encode_image", full)
    command = "classify", photo, "dog", "--model", folders["clip"]
    assert "the GPU's memory is full" in refused(capsys, *command)


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        ("classify", "llava", "holds a model of type 'llava', wanted a CLIP, such as openai/clip"),
        ("chat", "clip", "wanted a LLaVA, such as llava-hf/llava-1.5-7b-hf or a Molmo, such as"),
    ],
)
def test_another_kind_of_model_is_named(folders, photo, capsys, command, given, said):
    more = ["dog"] if command == "classify" else ["--ask", "So?"]
    assert said in refused(capsys, command, photo, *more, "--model", folders[given])


def test_folders_that_cannot_be_loaded(folders, photo, tmp_path, capsys):
    command = "classify", photo, "dog", "--model"
    (tmp_path / "empty").mkdir()
    assert "holds no config.json" in refused(capsys, *command, tmp_path / "empty")
    clip = shutil.copytree(folders["clip"], tmp_path / "clip")
    (clip / "vocab.json").unlink()
    assert "holds no tokenizer" in refused(capsys, *command, clip)
    (clip / "model.safetensors").write_bytes(b"\x10" + b"\x00" * 30)
    assert "is damaged or cut off" in refused(capsys, *command, clip)
    llava = shutil.copytree(folders["llava"], tmp_path / "llava")
    (llava / "tokenizer.json").unlink()
    chat = "chat", photo, "--ask", "So?", "--model"
    assert "holds no tokenizer" in refused(capsys, *chat, llava)
    molmo = shutil.copytree(folders["molmo"], tmp_path / "molmo")
    config = json.loads((molmo / "config.json").read_text())
    (molmo / "config.json").write_text(json.dumps(config | {"moe_num_experts": 64}))
    assert "MolmoE is a mixture of experts" in refused(capsys, *chat, molmo)


def test_a_picture_that_is_none(folders, tmp_path, capsys):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture at all")
    for command in (["classify", broken, "dog"], ["chat", broken, "--ask", "So?"]):
        sentence = refused(capsys, *command, "--model", folders["clip"])
        assert "broken.png is not a picture" in sentence


def test_where_a_copy_cannot_go(folders, photo, tmp_path, capsys):
    command = "chat", photo, "--ask", "So?", "--model", folders["molmo"], "--save"
    assert "is the picture itself" in refused(capsys, *command, photo)
    assert "there is no folder" in refused(capsys, *command, tmp_path / "none" / "a.png")
    assert "does not end as a picture" in refused(capsys, *command, tmp_path / "a.txt")
    llava = "chat", photo, "--ask", "So?", "--model", folders["llava"], "--save", tmp_path / "a.png"
    assert "wanted a Molmo" in refused(capsys, *llava)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("classify x.png dog --device cpu", "--device goes with --model"),
        ("classify x.png dog --template a{}", "--template goes with --model"),
        ("classify x.png dog --model m --template a", "has no {}"),
        ("classify x.png dog dog --model m", "came twice"),
        ("chat x.png --save y.png", "--save goes with --model"),
        ("chat x.png --model m --weights w", "pass one of them"),
        ("evaluate clip --data d", "--data goes with --model"),
        ("evaluate clip --model m", "--data is missing: pass --data FOLDER of class folders"),
        ("evaluate llava --model m", "--data is missing: pass --data POPE'S QUESTIONS"),
        ("evaluate vit --model m --data d", "not with vit"),
        ("evaluate clip --model m --data d --seed 3", "leave it out with --model"),
        ("evaluate clip --model m --data d --images i", "--images does not go with evaluate clip"),
        ("evaluate llava --model m --data d --template {}", "--template does not go with"),
    ],
)
def test_options_that_do_not_go_together(capsys, words, said):
    assert said in refused(capsys, *words.split(), status=2)


def test_the_set_up_page_s_table_of_memory():
    with torch.device("meta"):
        clip = CLIP.from_variant("ViT-L/14")
        tower = ViT(
            clip_vision_config(image_size=336, patch_size=14, width=1024, depth=24, heads=16)
        )
        llava = LLaVA(tower, Projector(1024, 4096), LanguageModel.from_variant("Vicuna-7B"))
    counts = {
        "CLIP ViT-L/14": sum(p.numel() for p in clip.parameters()),
        "LLaVA-1.5 7B": sum(p.numel() for p in llava.parameters()),
        "Molmo 7B-D": 8_021_025_280,  # see `test_hub_molmo.test_the_released_sizes`
    }
    page = (Path(__file__).parents[2] / "book/start/setup.md").read_text(encoding="utf-8")
    for name, count in counts.items():
        sizes = [released.bytes_in_words(size * count) for size in (2, 4)]
        assert f"| {name} | {count / 1e9:.2f} billion | {' | '.join(sizes)} |" in page
    linear = [module.weight for module in llava.modules() if isinstance(module, nn.Linear)]
    bytes_of_eight = sum(weight.numel() + 2 * len(weight) for weight in linear)  # a scale a row
    rest = 2 * (counts["LLaVA-1.5 7B"] - sum(weight.numel() for weight in linear))
    assert f"{released.bytes_in_words(bytes_of_eight + rest)} for LLaVA-1.5 7B" in page
