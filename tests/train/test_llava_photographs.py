"""`train llava-photographs` from start to finish, on drawn photographs and tiny models."""

import json
import re
import shutil

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from photo_folders import (
    changed,
    draw,
    folder_of_conversations,
    folder_of_pairs,
    in_two_processes,
    stop_at,
    tiny_clip,
    tiny_language,
)
from safetensors.torch import load_file

from mvlm import hub
from mvlm.__main__ import main
from mvlm.chat import IMAGE_MARKER, VICUNA_SYSTEM, Chat
from mvlm.training.loop import CHECKPOINT, read_metrics, saved_step
from mvlm.training.recipes import features
from mvlm.training.recipes.features import shard_path
from mvlm.training.recipes.llava_photographs import pictures_of, read_conversations

transformers = pytest.importorskip("transformers")
SHORT = " ".join(
    f"{stage}.steps=4 {stage}.batch_size=4 {stage}.warmup=1 {stage}.save_every=2 {stage}.workers=0"
    for stage in ("align", "train")
)
SETTINGS = f"{SHORT} longest=200"
FIRST, FINISHED = "llava-photographs-stage1", "llava-photographs"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    folder_of_pairs(folder / "pairs")
    folder_of_conversations(folder / "talks")
    tiny_clip(folder / "clip")
    tiny_language(folder / "language")
    return folder


def command(world, out, more=""):
    places = f"tower={world / 'clip'} language={world / 'language'} pairs.name={world / 'pairs'}"
    talks = f"conversations={world / 'talks' / 'conversations.json'}"
    return ["train", FINISHED, "--out", str(out), *changed(f"{places} {talks} {SETTINGS} {more}")]


def weights_in(out, name=FINISHED):
    return load_file(out / name / "model.safetensors")


@pytest.fixture(scope="module")
def whole(world):
    """A run without a stop."""
    assert main(command(world, world / "whole")) == 0
    return world / "whole"


def test_what_was_trained_is_read_by_our_loader_and_by_transformers(world, whole):
    model, look, tokenizer = hub.load_llava(whole / FINISHED)
    trained = load_file(whole / "stage2" / CHECKPOINT)
    for name, tensor in model.state_dict().items():
        if not name.startswith("vision."):
            assert torch.equal(tensor, trained[f"model.{name}"]), name
    tower, its_look, _ = hub.load_clip_vision(world / "clip")
    for name, tensor in tower.state_dict().items():
        assert torch.equal(tensor, model.vision.state_dict()[name])
    assert look == its_look
    chat = Chat(tokenizer=tokenizer, system=VICUNA_SYSTEM)
    images = look(draw("red", "circle", 1))
    with torch.no_grad():
        prompt = chat.prompt([("<image>\nWhat is it?", None)])
        ours = model(images, [prompt]).logits
        assert model.answer(chat, images, ["What is it?"], max_new_tokens=3)
        theirs = transformers.LlavaForConditionalGeneration.from_pretrained(whole / FINISHED)
        theirs.config.image_token_id = theirs.model.config.image_token_id = marker = 299
        assert marker not in prompt
        ids = [i for p in prompt for i in ([marker] * 16 if p == IMAGE_MARKER else [p])]
        expected = theirs.eval()(input_ids=torch.tensor([ids]), pixel_values=images).logits
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_the_first_stage_leaves_the_language_model_alone(world, whole):
    before, first, second = (
        loaded.state_dict()
        for loaded in (
            hub.load_language(world / "language").model,
            hub.load_llava(whole / FIRST).model.language,
            hub.load_llava(whole / FINISHED).model.language,
        )
    )
    assert all(torch.equal(before[name], first[name]) for name in before)
    assert any(not torch.equal(before[name], second[name]) for name in before)
    assert json.loads((whole / FIRST / "training.json").read_text())["steps"] == 4


@pytest.mark.parametrize("stopped_in", ["stage1", "stage2"])
def test_a_stopped_run_gives_the_same_weights(world, whole, tmp_path, monkeypatch, stopped_in):
    if stopped_in == "stage2":
        for name in ("stage1", "pairs", "features"):
            shutil.copytree(whole / name, tmp_path / name)
    stop_at(3, monkeypatch)
    assert main(command(world, tmp_path)) == 130
    assert saved_step(tmp_path / stopped_in) == 2
    monkeypatch.undo()
    assert main(command(world, tmp_path)) == 0
    for name in (FIRST, FINISHED):
        one, two = weights_in(whole, name), weights_in(tmp_path, name)
        assert one.keys() == two.keys()
        assert all(torch.equal(one[tensor], two[tensor]) for tensor in one)


def test_two_processes_give_what_one_gives(world, whole, tmp_path):
    in_two_processes(*command(world, tmp_path))
    for stage in ("stage1", "stage2"):
        one, two = (read_metrics(folder / stage) for folder in (whole, tmp_path))
        assert [row.loss for row in two] == pytest.approx([row.loss for row in one], abs=1e-4)
    for name, tensor in weights_in(whole).items():
        torch.testing.assert_close(weights_in(tmp_path)[name], tensor, atol=1e-4, rtol=1e-3)


def test_the_loss_falls_in_both_stages_and_the_costs_are_said(world, tmp_path, capsys):
    more = " ".join(
        f"{stage}.steps=50 {stage}.batch_size=8 {stage}.learning_rate=1e-2"
        for stage in ("align", "train")
    )
    assert main(command(world, tmp_path, more)) == 0
    for stage in ("stage1", "stage2"):
        losses = [row.loss for row in read_metrics(tmp_path / stage)]
        assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    said = capsys.readouterr().out
    assert said.count("estimate: 50 steps of 8 on cpu, ") == 2
    assert said.count(" GB; it took ") == 2


def test_without_conversations_it_ends_after_stage_1(world, tmp_path, capsys):
    assert main(command(world, tmp_path, "conversations=")) == 0
    assert (tmp_path / FIRST).is_dir()
    assert not (tmp_path / FINISHED).exists()


# Features --------------------------------------------------------------------------------------


def test_features_are_those_of_the_tower_and_come_once(world, whole, monkeypatch):
    tower, look, _ = hub.load_clip_vision(world / "clip")
    talks = read_conversations(str(world / "talks" / "conversations.json"), "")
    pictures = pictures_of(talks)
    assert len(pictures) == 9
    path = shard_path(whole / "features" / "conversations", 0)
    kept = load_file(path)["features"]
    assert kept.dtype == torch.float16
    with torch.no_grad():
        shown = look([features.Image.open(picture) for picture in pictures])
        states = tower.encode(shown).hidden_states[-2][:, 1:]
    torch.testing.assert_close(kept.float(), states, atol=2e-3, rtol=2e-3)
    read = features.Features(path.parent, 9, (16, 16))
    assert torch.equal(read[[3, 0]], kept[[3, 0]].float())
    assert read[[]].shape == (0, 16, 16)
    monkeypatch.setattr(features, "_work_out", lambda *_: pytest.fail("worked out again"))
    assert main(command(world, whole)) == 0


def test_after_a_stop_only_the_missing_shards_are_made(world, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "SHARD", 10)
    work_out, made = features._work_out, []

    def cut_off(*arguments):
        made.append(arguments[3])
        if len(made) == 3:
            raise KeyboardInterrupt
        return work_out(*arguments)

    monkeypatch.setattr(features, "_work_out", cut_off)
    assert main(command(world, tmp_path)) == 130
    assert len(list((tmp_path / "features" / "captions").iterdir())) == 2
    assert main(command(world, tmp_path)) == 0
    assert [part.start for part in made] == [0, 10, 20, 20, 0]


def test_features_of_another_tower_are_refused(world, whole, tmp_path, capsys):
    shutil.copytree(whole, tmp_path / "run")
    before = shard_path(tmp_path / "run" / "features" / "captions", 0).read_bytes()
    line = said(command(world, tmp_path / "run", "feature_layer=-1"), capsys)
    assert "holds features of another tower, preprocessing or feature_layer: remove" in line
    other = tmp_path / "clip"
    shutil.copytree(world / "clip", other)
    model = transformers.CLIPModel.from_pretrained(other)
    with torch.no_grad():
        model.vision_model.embeddings.class_embedding.add_(1e-3)
    model.save_pretrained(other)
    line = said(command(world, tmp_path / "run", f"tower={other}"), capsys)
    assert "holds features of another tower" in line
    assert shard_path(tmp_path / "run" / "features" / "captions", 0).read_bytes() == before
    damaged = shard_path(tmp_path / "run" / "features" / "conversations", 0)
    damaged.write_bytes(damaged.read_bytes()[:50])
    line = said(command(world, tmp_path / "run"), capsys)
    assert "is damaged" in line
    assert "remove it to have it made again" in line
    damaged.unlink()
    assert main(command(world, tmp_path / "run")) == 0


# Errors ----------------------------------------------------------------------------------------


def said(words, capsys):
    """The one sentence that a command ends with."""
    capsys.readouterr()
    assert main(words) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def changed_talks(world, folder, change):
    """The settings for a copy of the conversations after `change(entries)`."""
    shutil.copytree(world / "talks", folder)
    path = folder / "conversations.json"
    entries = json.loads(path.read_text())
    path.write_text(json.dumps(change(entries) or entries))
    return f"conversations={path}"


def test_a_missing_picture_is_named_before_anything_is_trained(world, tmp_path, capsys):
    settings = changed_talks(world, tmp_path / "talks", lambda entries: None)
    (tmp_path / "talks" / "2.jpg").unlink()
    line = said(command(world, tmp_path / "out", settings), capsys)
    assert "1 of 9 pictures are not in" in line
    assert "2.jpg (conversation 2): put them there, or take those conversations out" in line
    assert not (tmp_path / "out" / "stage1").exists()


def test_a_picture_that_is_none(world, tmp_path, capsys):
    settings = changed_talks(world, tmp_path / "talks", lambda entries: None)
    (tmp_path / "talks" / "2.jpg").write_bytes(b"no picture")
    line = said(command(world, tmp_path / "out", settings), capsys)
    assert "2.jpg is not a picture that Pillow can read" in line
    draw("blue", "bar", 5).save(tmp_path / "talks" / "2.jpg")
    assert main(command(world, tmp_path / "out", settings)) == 0


def turn(entries, number, place, **changes):
    entries[number]["conversations"][place] |= changes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: turn(e, 1, 0, **{"from": "gpt"}), "turn 0 of conversation 1 is .* wanted"),
        (lambda e: turn(e, 1, 1, value=None), "turn 1 of conversation 1 is .* from 'gpt': mend"),
        (lambda e: e[2]["conversations"].pop() and None, "conversation 2 is no object whose"),
        (lambda e: e[3].update(image="0.jpg"), "conversation 3 has 0 <image> and a picture"),
        (lambda e: e[0].pop("image") and None, "conversation 0 has 1 <image> and no picture"),
        (lambda e: turn(e, 1, 1, value="a <end>"), "conversation 1: the answer holds <end>"),
        (lambda e: turn(e, 1, 1, value="  "), "turn 1 of conversation 1 is .* wanted a text"),
        (lambda e: {"a": 1}, "holds no list of conversations"),
        (lambda e: [], "holds no list of conversations"),
    ],
)  # fmt: skip
def test_conversations_in_another_form_are_named(world, tmp_path, capsys, change, message):
    path = tmp_path / "talks" / "conversations.json"
    shutil.copytree(world / "talks", path.parent)
    entries = json.loads(path.read_text())
    other = change(entries)
    path.write_text(json.dumps(entries if other is None else other))
    line = said(command(world, tmp_path / "out", f"conversations={path}"), capsys)
    assert re.search(message, line), line


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("longest=5", "all 12 conversations are longer than 5 tokens: raise longest"),
        ("longest=250", "more than the language model's context of 256: lower longest to 240"),
        ("feature_layer=-9", "the tower has 2 blocks: take -3 to 2"),
        ("conversations=nowhere.json", "there are no conversations at nowhere.json"),
    ],
)
def test_settings_that_cannot_be_are_named(world, tmp_path, capsys, settings, message):
    assert message in said(command(world, tmp_path, settings), capsys)


def test_a_file_that_is_no_json(world, tmp_path, capsys):
    (tmp_path / "talks.json").write_text("[{")
    line = said(command(world, tmp_path, f"conversations={tmp_path / 'talks.json'}"), capsys)
    assert "talks.json is not JSON" in line


def test_no_network(world, tmp_path, capsys, monkeypatch):
    def unreachable(*_, **__):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    for part in ("tower", "language"):
        line = said(command(world, tmp_path, f"{part}=owner/name"), capsys)
        assert "'owner/name' is no folder here and could not be fetched from the hub" in line


def test_another_picture_under_the_same_name_is_noticed(world, tmp_path, capsys):
    settings = changed_talks(world, tmp_path / "talks", lambda entries: None)
    assert main(command(world, tmp_path / "out", settings)) == 0
    draw("white", "square", 77).resize((90, 90)).save(tmp_path / "talks" / "2.jpg")
    line = said(command(world, tmp_path / "out", settings), capsys)
    assert "holds features of other pictures: remove" in line
