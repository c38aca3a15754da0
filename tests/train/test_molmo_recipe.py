"""The course's Molmo: windows know their place, texts agree with the picture, and it all runs."""

import json
import re
import shutil
from dataclasses import asdict

import pytest
import torch

from mvlm import weights
from mvlm.__main__ import main
from mvlm.clip import CLIP, CLIPConfig, TextConfig
from mvlm.data.dice import Dice
from mvlm.data.scene import SPLITS, combination
from mvlm.data.things import counts
from mvlm.evaluation.molmo import Asked, box, point_scores
from mvlm.language import LanguageConfig, LanguageModel
from mvlm.points import Point, parse_count, parse_points
from mvlm.small.places import knows_places, shorten, with_places, write_out
from mvlm.small.windows import (
    COURSE_CROPS,
    WindowedMolmo,
    Windows,
    place_features,
    placed_crops,
    pooled,
    see,
)
from mvlm.tasks import point_in_box
from mvlm.tokenizer import IM_PATCH
from mvlm.training.recipes.language import summed_loss
from mvlm.training.recipes.making import check_same_tower
from mvlm.training.recipes.molmo import (
    AlignData,
    AlignObjective,
    Flocks,
    MolmoData,
    MolmoObjective,
    MolmoRecipe,
    MolmoScenes,
    answer,
    as_large_as_words_,
    beside,
    cut,
    fit_scale_,
    look_at_all,
    things_by_token,
)
from mvlm.training.recipes.pointing import (
    EVERYTHING,
    LIST_ALL,
    NOTHING,
    TellData,
    forget_unread_,
    points_at,
    told_vectors,
    turns,
    word_ids,
)
from mvlm.vit import ViT, ViTConfig
from mvlm.weights import to_file

TOWER = ViTConfig(image_size=8, patch_size=4, width=12, depth=2, heads=2)
SHAPE = LanguageConfig(
    vocab_size=weights.tokenizer().vocab_size, width=16, depth=1, heads=2, mlp_width=16, context=512
)
RECIPE = MolmoRecipe(features=10, pool_width=8, heads=2, mlp_width=8, one_view=0.3)


@pytest.fixture(scope="module")
def tiny():
    """An untrained model, two pictures and what the tower sees of them."""
    torch.manual_seed(0)
    tokenizer = weights.tokenizer()
    vision = Windows(ViT(TOWER).eval(), RECIPE.features)
    model = WindowedMolmo(
        vision,
        RECIPE.connector(vision, 16),
        knows_places(LanguageModel(SHAPE), tokenizer),
        patch_id=tokenizer.token_id(IM_PATCH),
    )
    source = MolmoScenes("train", 4, 0)
    scenes, seen = look_at_all(vision, source, 4)
    fit_scale_(vision, seen)
    return model, source, scenes, seen


@pytest.mark.parametrize("size", [(360, 360), (240, 480), (600, 200)])
def test_a_window_knows_where_it_lies(size):
    """A white spot is found by the places of the brightest window, in every view that shows it."""
    height, width = size
    for x, y in ((0.1, 0.2), (0.5, 0.77), (0.93, 0.04)):
        picture = torch.zeros(3, height, width)
        row, column = int(y * height), int(x * width)
        picture[:, row - 4 : row + 4, column - 4 : column + 4] = 1
        crops = placed_crops(picture)
        patches = crops.pixels.unfold(2, 16, 16).unfold(3, 16, 16).mean((1, 4, 5)).flatten(1)
        by_token = pooled(patches[..., None], crops.order, COURSE_CROPS)[..., 0]  # (N, 9)
        places = pooled(crops.places, crops.order, COURSE_CROPS)
        full = COURSE_CROPS.cells**2
        for tokens in (slice(0, full), slice(full, None)):
            brightest = by_token[tokens].flatten().argmax()
            found = places[tokens].flatten(0, 1)[brightest]
            # Half a patch of the view it was found in, and a little.
            view = max(size) / 192 if tokens.start == 0 else 1
            assert abs(float(found[0]) - 100 * x) < 100 * 9 * view / width
            assert abs(float(found[1]) - 100 * y) < 100 * 9 * view / height


def test_a_place_is_shared_by_its_two_nearest_marks():
    x, y = place_features(torch.tensor([27.0, 100.0])).view(2, 21) / 4
    assert x[5:7].tolist() == pytest.approx([0.6, 0.4])
    assert x.sum() == pytest.approx(1)
    assert y.argmax() == 20


def test_different_windows_go_through_the_tower_once(tiny):
    model, _, scenes, _ = tiny
    crops = cut(scenes[0])
    padded = torch.nn.functional.pad(crops.pixels, (8, 8, 8, 8), mode="replicate")
    windows = padded.unfold(2, 32, 16).unfold(3, 32, 16)  # (K, 3, G, G, 32, 32)
    windows = windows.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
    every = model.vision.look(windows).unflatten(0, (len(padded), -1))  # (K, G·G, features)
    expected = pooled(every, crops.order, COURSE_CROPS)
    once = see(model.vision, crops)
    assert len(once.looked) < expected.shape[0] * expected.shape[1] / 2
    torch.testing.assert_close(once.looked[once.windows], expected, atol=0.05, rtol=0)


def test_features_are_brought_to_one_scale(tiny):
    model, _, _, seen = tiny
    scaled = model.vision.scale(torch.cat([one.looked.float() for one in seen]))
    torch.testing.assert_close(scaled.mean(0), torch.zeros(10), atol=0.05, rtol=0)
    assert scaled.std(0)[0] == pytest.approx(1, abs=0.05)
    assert scaled.std(0).max() < 1.05


def test_pictures_start_as_large_as_words(tiny):
    model, _, _, seen = tiny
    as_large_as_words_(model, seen)
    with torch.no_grad():
        torch.testing.assert_close(
            model.features(seen).std(), model.language.embedding.weight.std()
        )


def test_one_view_is_the_start_of_the_whole(tiny):
    model, _, _, seen = tiny
    whole, alone = model.features(seen[:1]), model.features([seen[0].one_view()])
    torch.testing.assert_close(alone, whole[: COURSE_CROPS.cells**2])
    tokens = seen[0].one_view().tokens
    assert tokens.count(IM_PATCH) == len(alone)
    assert tokens == seen[0].tokens[: len(tokens)]


def test_parts_of_one_length_have_the_loss_of_the_whole(tiny):
    model, source, scenes, seen = tiny
    tokenizer = with_places(weights.tokenizer())
    data = MolmoData(0.15, scenes, seen, source.names, tokenizer, seed=0, room=170)
    batch = data(range(12))
    total, count = MolmoObjective(model)(batch)
    embeddings = model.embed(batch["seen"], batch["ids"])
    hidden = model.language.hidden(embeddings=embeddings, attention_mask=batch["mask"])
    expected, number = summed_loss(model.language, hidden, batch["labels"])
    assert count == number
    torch.testing.assert_close(total, expected)


def test_the_first_stage_wants_what_a_thing_is_told_by(tiny, monkeypatch):
    """A connector that gives the told vectors has no squared distance left."""
    model, _, scenes, seen = tiny
    tokenizer = weights.tokenizer()
    data = AlignData(scenes, seen, tokenizer, 0)
    batch = data(range(4))
    assert len(batch["words"]) == len(model.features(batch["seen"]))
    words = word_ids(tokenizer)
    for number, scene in enumerate(scenes):
        some, ids, places = data.example(number)
        held = [(word, at) for word, at in zip(ids, places, strict=True) if word != words[NOTHING]]
        points = points_at(scene, EVERYTHING)
        told = {(words[t.name], p) for t, p in zip(scene.things, points, strict=True)}
        assert len(held) >= len(told) - 1  # two may share a token
        for word, at in held:
            assert any(word == w and at == pytest.approx(p) for w, p in told)
        # The thing lies within its token: one and a half windows of 16 pixels to each side.
        away = (some.places.mean(dim=1) - torch.tensor(places)).abs().max()
        assert away < 100 * 24 / 200
    names = torch.tensor(sorted(set(words.values())))
    objective = AlignObjective(model, names)
    total, count = objective(batch)
    assert count == len(batch["words"])
    perfect = told_vectors(model.language, batch["words"], batch["places"])
    monkeypatch.setattr(model, "features", lambda _: perfect)
    best, _ = objective(batch)
    assert 0 < best < total


def test_in_a_list_of_tokens_those_beside_a_thing_touch_it(tiny):
    _, _, scenes, seen = tiny
    held = things_by_token(scenes[0], seen[0])
    things = [n for n, thing in enumerate(held) if thing is not None]
    near = beside(seen[0], things)
    assert set(things) <= set(near)
    assert len(near) <= 9 * len(things)
    assert min(near) >= seen[0].full
    assert beside(seen[0], []) == []


def test_what_was_seen_is_kept(tiny, tmp_path):
    model, source, scenes, seen = tiny
    kept = tmp_path / "run" / "seen.pt"
    for _ in range(2):
        again_scenes, again = look_at_all(model.vision, source, 4, kept)
        assert again_scenes == scenes
        assert again[3].tokens == seen[3].tokens
        torch.testing.assert_close(again[3].looked, seen[3].looked)
    with pytest.raises(ValueError, match="holds 4 pictures, wanted 3"):
        look_at_all(model.vision, source, 3, kept)


def test_unread_tokens_get_vectors_of_their_own():
    torch.manual_seed(0)
    shape = LanguageConfig(vocab_size=50, width=16, depth=1, heads=2, mlp_width=16)
    language = LanguageModel(shape)
    table = language.embedding.weight.detach()
    read = table[:20].clone()
    table[20:] = torch.ones(16) + 0.05 * torch.randn(30, 16)
    assert forget_unread_(language, patch_id=33) == 30
    torch.testing.assert_close(table[:20], read)
    alike = torch.cosine_similarity(table[20], table[21:], dim=1)
    assert alike.max() < 0.9
    assert table[33].norm() < table[20:33].norm(dim=1).min()


def test_told_scenes_are_told_truly_and_their_lessons_grow():
    tokenizer = with_places(weights.tokenizer())
    data, words = TellData(tokenizer, 400, 0), word_ids(tokenizer)
    batch = data(range(390, 400))
    assert int((batch["ids"] == tokenizer.token_id(IM_PATCH)).sum()) == len(batch["words"])
    assert batch["places"].shape == (len(batch["words"]), 2)
    assert batch["labels"].ne(-100).any(dim=1).all()
    sizes = [
        sum(word != words[NOTHING] for word in data.example(number)[0].words)
        for number in (*range(40), *range(360, 400))
    ]
    assert max(sizes[:40]) <= 4
    assert max(sizes[40:]) == 9


def test_a_picture_gets_as_many_questions_as_there_is_room_for(tiny):
    _, source, scenes, seen = tiny
    tokenizer = with_places(weights.tokenizer())
    one, several = (
        MolmoData(0.0, scenes, seen, source.names, tokenizer, seed=0, room=room)
        for room in (1, 170)
    )
    ends = [
        [data.example(i)[1].labels.count(tokenizer.end_id) for i in range(20)]
        for data in (one, several)
    ]
    assert set(ends[0]) == {1}
    assert sum(ends[1]) > 30


def test_answers_agree_with_the_picture():
    source = MolmoScenes("train", 60, 3)
    for i in range(60):
        scene = source.scene(i)
        boxes = [box(scene, thing.box) for thing in scene.things]
        for k in range(4):
            asked = turns(Dice(f"turns {i} {k}"), scene, source.names, 0.4)
            for question, said in asked:
                check_answer(scene, boxes, question, write_out(shorten(said)))
            told = [said for question, said in asked if question in LIST_ALL]
            assert all(said.count('x="') == len(boxes) for said in told)
            assert len(told) <= 1


def check_answer(scene, boxes, question, answer):
    """Each point and each place lies in a thing, and in one of the name that stands with it."""
    points = parse_points(answer)
    assert all(any(point_in_box(point, b) for b in boxes) for point in points)
    if "total" in answer:
        assert parse_count(answer) == len(points)
    if 'x="' in answer and not points:  # a list: name and place, in pairs
        for name, x, y in re.findall(r'([a-z ]+) x="([0-9.]+)" y="([0-9.]+)"', answer):
            point = Point(float(x), float(y))
            at = [
                t.name for t, b in zip(scene.things, boxes, strict=True) if point_in_box(point, b)
            ]
            assert name.strip() in at
    elif not points and "none" not in answer:
        names = {thing.name for thing in scene.things}
        assert answer in names or answer.isdecimal(), (question, answer)


def test_nothing_is_asked_about_twice():
    """Or the second answer could be copied from the first, and nothing be looked for."""
    source = MolmoScenes("train", 40, 1)
    for i in range(40):
        scene = source.scene(i)
        for k in range(3):
            asked = turns(Dice(f"once {i} {k}"), scene, source.names, 0.3)
            labels = [label for _, a in asked for label in re.findall('alt="([^"]*)"', a)]
            places = [place for q, _ in asked for place in re.findall('x="[^?.]*"', q)]
            assert len(set(labels)) == len(labels)
            assert len(set(places)) == len(places)


def test_everything_has_a_point_each():
    scene = MolmoScenes("train", 2, 0).scene(1)
    assert len(points_at(scene, EVERYTHING)) == len(scene.things)


def test_flocks_keep_to_their_split_and_count_to_nine():
    flocks = Flocks("test", 150)
    numbers = set()
    for i in range(150):
        name, scene = flocks.flock(i)
        assert combination([thing.name for thing in scene.things]) in SPLITS["test"].combinations
        numbers.add(counts(scene.things)[name])
    assert numbers == set(range(1, 10))


def test_an_object_takes_one_point():
    asked = [
        Asked(question="", kept=False, boxes=((10, 10, 20, 20), (40, 40, 50, 50))),
        Asked(question="", kept=True, boxes=((0, 0, 5, 5),)),
    ]
    said = [[Point(15, 15), Point(16, 16), Point(99, 99)], [Point(1, 2)]]
    assert point_scores(asked, said) == {
        "inside": 0.5,
        "inside, unseen phrasings": 1.0,
        "objects missed": pytest.approx(1 / 3, abs=1e-4),
        "extra points an object": pytest.approx(2 / 3, abs=1e-4),
    }


def test_questions_about_places_are_put_in_the_models_own_tokens(tiny, monkeypatch):
    model, _, _, seen = tiny
    prompts = []

    def generate(pictures, rows, **_):
        prompts.extend(rows)
        return [[] for _ in rows]

    monkeypatch.setattr(model, "generate", generate)
    questions = ['what is at x="12.0" y="80.0"?', "point to the dogs."]
    assert answer(model, weights.tokenizer(), seen[:2], questions) == ["", ""]
    place = with_places(weights.tokenizer()).encode(shorten(questions[0]))
    new = [token for token in place if token >= weights.tokenizer().vocab_size]
    assert len(new) == 2  # x and y, a token each
    assert [token for token in prompts[0] if token in new] == new


def test_what_another_tower_taught_is_refused(tmp_path):
    torch.manual_seed(0)
    tower, other = ViT(TOWER), ViT(TOWER)
    check_same_tower(tower, tmp_path)
    check_same_tower(tower, tmp_path)
    with pytest.raises(ValueError, match="another image tower: remove it"):
        check_same_tower(other, tmp_path)


def test_it_is_trained_written_read_and_measured(tmp_path, capsys):
    shutil.copy(weights.HERE / weights.TOKENIZER, tmp_path)
    text = TextConfig(
        vocab_size=SHAPE.vocab_size, context_length=8, width=8, depth=1, heads=2, eot_id=2
    )
    clip = CLIP(CLIPConfig(image=TOWER, text=text, embed_dim=8))
    for name, model in (("clip", clip), ("language", LanguageModel(SHAPE))):
        prefix = "language." if name == "language" else ""
        state = {prefix + key: value for key, value in model.state_dict().items()}
        file = to_file(state, {"model": asdict(model.config)})
        (tmp_path / f"{name}.safetensors").write_bytes(file)
    settings = (
        "pictures=3 features=10 pool_width=8 heads=2 told.steps=2 told.batch_size=2 "
        "again.steps=1 again.batch_size=2 "
        "align.steps=2 align.batch_size=2 longer.steps=1 longer.batch_size=2 "
        "more.steps=1 more.batch_size=2 "
        "train.steps=2 train.batch_size=4"
    )
    changes = [part for setting in settings.split() for part in ("--set", setting)]
    command = ["train", "molmo", "--weights", str(tmp_path), "--out", str(tmp_path), *changes]
    assert main(command) == 0
    path = tmp_path / "molmo.safetensors"
    model = weights.molmo(path)
    assert model.vision.scale.weight.abs().sum() > 0
    capsys.readouterr()
    assert main(["evaluate", "molmo", "--count", "2", "--json", "--weights", str(path)]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["test"]["pictures"] == 2
    assert set(scores["counting"]) == {"1 to 5", "6 to 9"}
