"""LLaVA: splicing, the chat's labels, generation. Equality with transformers: test_hub_language."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mvlm.chat import IMAGE_MARKER, VICUNA_SYSTEM, Chat, collate
from mvlm.language import LanguageConfig, LanguageModel
from mvlm.llava import LLaVA, Projector, splice
from mvlm.tokenizer import IMAGE, Tokenizer
from mvlm.vit import ViT, ViTConfig

M = IMAGE_MARKER
WIDTH = 4


def embed(ids):
    """Each id as a vector that shows it."""
    return ids[:, None].float().expand(-1, WIDTH)


def pictures(count, vectors=3):
    """Picture i as vectors of -(i + 1): no word looks so."""
    return -torch.arange(1.0, count + 1)[:, None, None].expand(-1, vectors, WIDTH)


def tiny() -> LLaVA:
    vision = ViT(ViTConfig(image_size=12, patch_size=4, width=16, depth=3, heads=2))
    language = LanguageModel(
        LanguageConfig(vocab_size=70, width=24, depth=2, heads=4, kv_heads=2, mlp_width=40)
    )
    model = LLaVA(vision, Projector(16, 24), language)
    for parameter in model.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


# ----------------------------------------------------------------------------------- projector


def test_projectors_have_the_published_sizes():
    with torch.device("meta"):
        linear, mlp = Projector(1024, 4096, depth=1), Projector(1024, 4096)
    assert sum(p.numel() for p in linear.parameters()) == 4_198_400
    assert sum(p.numel() for p in mlp.parameters()) == 20_979_712
    with pytest.raises(ValueError, match="depth is 0: pass 1 for a linear projector"):
        Projector(4, 4, depth=0)


# -------------------------------------------------------------------------------------- splice


def test_splice_by_hand():
    spliced = splice(
        [[1, M, 2], [3], [M, M]],
        pictures(3, 2),
        embed,
        labels=[[1, -100, 2], [3], [-100, -100]],
    )
    assert spliced.embeddings[..., 0].tolist() == [
        [1, -1, -1, 2],
        [3, 0, 0, 0],
        [-2, -2, -3, -3],
    ]
    assert spliced.attention_mask.tolist() == [[True] * 4, [True] + [False] * 3, [True] * 4]
    assert spliced.labels.tolist() == [
        [-100, -100, -100, 2],
        [-100] * 4,
        [-100] * 4,
    ]


rows_of_tokens = st.lists(
    st.lists(st.one_of(st.integers(0, 69), st.just(M)), min_size=1, max_size=9),
    min_size=1,
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(rows_of_tokens, st.sampled_from(["left", "right"]), st.data())
def test_splice_keeps_every_word_and_every_picture_in_order(rows, side, data):
    markers = sum(row.count(M) for row in rows)
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=markers, max_size=markers))
    images = [torch.full((n, WIDTH), -1.0 - i) for i, n in enumerate(lengths)]
    spliced = splice(rows, images, embed, labels=rows, side=side)
    expected, seen = [], 0
    for row in rows:
        wanted = []
        for token in row:
            if token == M:
                wanted += [-1.0 - seen] * lengths[seen]
                seen += 1
            else:
                wanted.append(float(token))
        expected.append(wanted)
    longest = max(map(len, expected))
    for i, wanted in enumerate(expected):
        kept = spliced.attention_mask[i]
        assert spliced.embeddings[i, kept, 0].tolist() == wanted
        assert kept.tolist() == sorted(kept.tolist(), reverse=side == "right")
        assert (spliced.embeddings[i, ~kept] == 0).all()
        labels = [-100 if value < 0 else int(value) for value in wanted]
        assert spliced.labels[i, kept].tolist() == [-100, *labels[1:]]
        assert (spliced.labels[i, ~kept] == -100).all()
    assert spliced.embeddings.shape == (len(rows), longest, WIDTH)


@settings(max_examples=50, deadline=None)
@given(rows_of_tokens, st.sampled_from(["left", "right"]))
def test_a_padded_tensor_splices_as_its_rows(rows, side):
    from mvlm.tokenizer import pad_rows

    images = pictures(sum(row.count(M) for row in rows))
    ids, mask = pad_rows(rows, 0, side=side)
    ours = splice(ids, images, embed, labels=ids, attention_mask=mask, side=side)
    expected = splice(rows, images, embed, labels=rows, side=side)
    assert torch.equal(ours.embeddings, expected.embeddings)
    assert torch.equal(ours.attention_mask, expected.attention_mask)
    assert torch.equal(ours.labels, expected.labels)


@pytest.mark.parametrize(
    ("rows", "images", "options", "message"),
    [
        ([[1, M]], 2, {}, r"2 images came for 1 image markers: put one marker \(-200, <image>"),
        ([[1, M], [M]], 1, {}, "1 images came for 2 image markers"),
        ([[1]], 1, {}, "1 images came for 0 image markers"),
        ([[1], []], 0, {}, "row 1 is empty: pass at least one token or image marker"),
        ([[1, 2]], 0, {"labels": [[1]]}, "labels and ids differ in length"),
        ([[1, 2]], 0, {"side": "top"}, "side 'top' is not known"),
        (
            torch.tensor([[1, 2]]),
            0,
            {"attention_mask": torch.ones(1, 3)},
            r"attention_mask is \(1, 3\), wanted one value a token: \(1, 2\)",
        ),
        (torch.tensor([1, 2]), 0, {}, r"ids is \(2,\), wanted \(B, T\): for one row ids\[None\]"),
    ],
)
def test_bad_splices(rows, images, options, message):
    with pytest.raises(ValueError, match=message):
        splice(rows, pictures(images), embed, **options)


# ---------------------------------------------------------------------------------------- chat


@pytest.fixture(scope="module")
def tokenizer():
    texts = ["USER: what is in the top left? ASSISTANT: a cat", "USER: how many? ASSISTANT: 3"]
    return Tokenizer.train(texts * 20, vocab_size=360)


def test_only_the_last_turn_may_be_without_an_answer(tokenizer):
    with pytest.raises(ValueError, match="turn 0 has no answer, and only the last may be"):
        Chat(tokenizer=tokenizer).example([("what is it?", None), ("how many?", "3")])


def test_a_mask_that_is_added_to_scores_is_refused():
    with pytest.raises(ValueError, match="holds other numbers than 0 and 1"):
        splice(
            torch.tensor([[1, 2, 3]]),
            [],
            embed,
            attention_mask=torch.tensor([[0.0, 0.0, float("-inf")]]),
        )


def test_chat_by_hand(tokenizer):
    chat = Chat(tokenizer=tokenizer, system="Be brief. ")
    turns = [(f"{IMAGE}\nwhat is it?", "a cat"), ("how many?", "3")]
    example = chat.example(turns)
    start = tokenizer.start_id
    assert example.ids[0] == start
    assert example.ids.count(M) == 1
    shown = [i for i in example.ids if i != M]
    assert tokenizer.decode(shown, skip_special=False) == (
        "<start>Be brief. USER: \nwhat is it? ASSISTANT: a cat<end>"
        "USER: how many? ASSISTANT: 3<end>"
    )
    supervised = [label for label in example.labels if label != -100]
    assert tokenizer.decode(supervised, skip_special=False) == " a cat<end> 3<end>"
    assert all(
        label in (-100, token) for token, label in zip(example.ids, example.labels, strict=True)
    )


def test_the_defaults_are_vicunas_form(tokenizer):
    """As `conv_vicuna_v1` of haotian-liu/LLaVA writes two turns, its end token being </s>."""
    chat = Chat(tokenizer=tokenizer, system=VICUNA_SYSTEM)
    ids = chat.example([("Hi", "Hello"), ("Bye", "See you")]).ids
    assert tokenizer.decode(ids, skip_special=False) == (
        "<start>A chat between a curious user and an artificial intelligence assistant. The "
        "assistant gives helpful, detailed, and polite answers to the user's questions. "
        "USER: Hi ASSISTANT: Hello<end>USER: Bye ASSISTANT: See you<end>"
    )


plain = st.text(st.characters(codec="utf-8", exclude_characters="<>"), max_size=20)
conversations = st.lists(st.tuples(plain, plain), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(turns=conversations, images=st.integers(0, 2))
def test_exactly_the_answers_are_supervised(tokenizer, turns, images):
    chat = Chat(tokenizer=tokenizer)
    turns = [(IMAGE * images + question, answer) for question, answer in turns]
    example = chat.example(turns)
    assert len(example.ids) == len(example.labels)
    assert example.ids.count(M) == images * len(turns)
    supervised = [label for label in example.labels if label != -100]
    wanted = "".join(f" {answer}<end>" for _, answer in turns)
    assert tokenizer.decode(supervised, skip_special=False) == wanted


@settings(max_examples=200, deadline=None)
@given(turns=conversations)
def test_the_prompt_is_how_the_example_starts(tokenizer, turns):
    """What the model reads when it answers is what it read when it learnt."""
    chat = Chat(tokenizer=tokenizer)
    example = chat.example(turns)
    for i, (question, _) in enumerate(turns):
        prompt = chat.prompt([*turns[:i], (question, None)])
        assert example.ids[: len(prompt)] == prompt
        assert example.labels[len(prompt)] != -100


def test_regression_a_length_mismatch_never_masks_the_whole_sample(tokenizer):
    """LLaVA #661, #779, #1166: prefixes tokenised by themselves may split differently.

    Here the tokenizer joins the end of a question and the start of what follows, wherever it can;
    every answer is still supervised.
    """
    chat = Chat(tokenizer=tokenizer, user="", assistant="")
    turns = [("a c", "at"), ("wh", "at is"), ("", "3")]
    labels = chat.example(turns).labels
    supervised = [label for label in labels if label != -100]
    assert tokenizer.decode(supervised, skip_special=False) == " at<end> at is<end> 3<end>"


def test_caption_is_the_plain_form(tokenizer):
    example = Chat(tokenizer=tokenizer).caption("a cat")
    end = [*tokenizer.encode("a cat"), tokenizer.end_id]
    assert example.ids == [tokenizer.start_id, M, *end]
    assert example.labels == [-100, -100, *end]


def test_only_answers_given_are_asked_for(tokenizer):
    chat = Chat(tokenizer=tokenizer)
    with pytest.raises(ValueError, match="no token is supervised: the conversation has no answer"):
        chat.example([("what?", None)])
    with pytest.raises(ValueError, match="the conversation is empty: pass at least one"):
        chat.example([])
    with pytest.raises(ValueError, match="nothing is left to answer: pass None"):
        chat.prompt([("what?", "a cat")])
    with pytest.raises(ValueError, match="the caption is empty"):
        chat.caption("")
    with pytest.raises(ValueError, match="an answer holds <image>: a picture belongs in a"):
        chat.example([("draw", f"here {IMAGE}")])


def test_regression_padding_is_not_trained_on(tokenizer):
    chat = Chat(tokenizer=tokenizer)
    examples = [chat.example([("how many?", "3")]), chat.example([("what is it?", "a cat")])]
    ids, labels, mask = collate(examples, tokenizer.pad_id)
    assert ids.shape == labels.shape == mask.shape
    assert (ids[~mask] == tokenizer.pad_id).all()
    assert (labels[~mask] == -100).all()
    assert mask.sum(1).tolist() == [len(example.ids) for example in examples]


# --------------------------------------------------------------------------------------- model


def test_regression_features_are_of_the_last_layer_but_one():
    """LLaVA #1613: the last layer was taken; and its class token and norm have no place here."""
    model, images = tiny(), torch.randn(2, 3, 12, 12)
    states = model.vision.encode(images).hidden_states
    assert len(states) == 4
    assert torch.equal(model.features(images), model.projector(states[2][:, 1:]))
    assert model.features(images).shape == (2, 9, 24)


def test_regression_one_class_token_off_in_the_patch_count():
    """transformers PR #34447: 336/14 squared is 576 vectors, not 577."""
    with torch.device("meta"):
        config = ViTConfig(image_size=336, patch_size=14, width=1024, depth=2, heads=16)
        model = LLaVA(
            ViT(config),
            Projector(1024, 32),
            LanguageModel(LanguageConfig(vocab_size=9, width=32, depth=1, heads=2, mlp_width=8)),
        )
        assert model.features(torch.zeros(1, 3, 336, 336)).shape == (1, 576, 32)


def test_regression_text_alone_needs_no_stand_in_picture():
    """LLaVA #840: rows without a picture were given a dummy one."""
    model, ids = tiny(), torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        assert torch.equal(model(None, ids).logits, model.language(ids))
        mixed = model(torch.randn(1, 3, 12, 12), [[1, 2, 3], [4, M]])
        assert torch.allclose(mixed.logits[0, :3], model.language(ids)[0], atol=1e-5)


def test_labels_on_the_left_and_on_the_right_cost_the_same():
    model, images = tiny(), torch.randn(2, 3, 12, 12)
    rows, labels = [[1, M, 5, 6], [M, 7]], [[1, -100, 5, 6], [-100, 7]]
    with torch.no_grad():
        right, left = (model(images, rows, labels, side=s).loss for s in ("right", "left"))
    assert torch.allclose(left, right, atol=1e-5)


def test_the_tower_is_frozen_and_the_rest_learns():
    model, images = tiny().train(), torch.randn(1, 3, 12, 12)
    model(images, [[1, M, 5, 6]], [[-100, -100, 5, 6]]).loss.backward()
    assert all(p.grad is None for p in model.vision.parameters())
    trained = [*model.projector.parameters(), *model.language.parameters()]
    assert all(p.grad is not None for p in trained)


def test_cached_generation_after_a_picture_equals_reading_everything_again():
    model, images = tiny(), torch.randn(3, 3, 12, 12)
    prompts = [[1, M, 5], [7, 8], [M, 2, M, 3]]
    made = model.generate(images, prompts, max_new_tokens=8)
    steps = list(model.stream(images, prompts, max_new_tokens=8))
    assert [list(step) for step in zip(*made, strict=True)] == steps
    used = 0
    for prompt, answer in zip(prompts, made, strict=True):
        count = prompt.count(M)
        mine, row = images[used : used + count], list(prompt)
        used += count
        assert model.generate(mine, [prompt], max_new_tokens=8) == [answer]
        for token in answer:
            with torch.no_grad():
                logits = model(mine, [row]).logits
            assert int(logits[0, -1].argmax()) == token
            row.append(token)


def test_a_picture_is_encoded_once_however_long_the_answer(monkeypatch):
    model, calls = tiny(), []
    features = model.features
    monkeypatch.setattr(model, "features", lambda images: calls.append(1) or features(images))
    model.generate(torch.randn(1, 3, 12, 12), [[1, M]], max_new_tokens=9)
    assert calls == [1]


def test_overfits_one_batch():
    model = tiny().train()
    images = torch.randn(4, 3, 12, 12)
    rows = [[1, M, 10 + i, 20 + i] for i in range(4)]
    labels = [[-100, -100, 10 + i, 20 + i] for i in range(4)]
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=3e-3)
    for _ in range(60):
        loss = model(images, rows, labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2  # log 70 = 4.2 at the start
    answers = model.eval().generate(images, [[1, M]] * 4, max_new_tokens=2)
    assert answers == [row[2:] for row in rows]


def test_bad_input():
    model, images = tiny(), torch.randn(1, 3, 12, 12)
    with pytest.raises(ValueError, match="1 images came for 2 image markers"):
        model(images, [[M, M]])
    with pytest.raises(ValueError, match="1 images came for 0 image markers"):
        model.generate(images, [[1]], max_new_tokens=1)
    with pytest.raises(ValueError, match="no prompt came"):
        model.generate(None, [], max_new_tokens=1)
    with pytest.raises(ValueError, match="row 0 is empty"):
        model.generate(None, [[]], max_new_tokens=1)
    with pytest.raises(ValueError, match="token id 70 is outside the vocabulary"):
        model(None, [[70]])
    with pytest.raises(ValueError, match="token id -100 is outside the vocabulary"):
        model(None, [[1, -100]])
    with pytest.raises(ValueError, match="no token is supervised"):
        model(images, [[M, 1]], [[-100, -100]])
    with pytest.raises(ValueError, match="are more than the model's context of 2048"):
        model.generate(images, [[M, *[1] * 2000]], max_new_tokens=100)
    with pytest.raises(ValueError, match="13×12 pixels"):
        model(torch.randn(1, 3, 13, 12), [[M]])
