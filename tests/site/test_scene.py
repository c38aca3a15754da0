"""LLaVA in the reader's browser: the same tokens as in Python, asked in every way a reader can."""

import base64
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import assets
import llava_export
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from mvlm import weights
from mvlm.chat import Chat
from mvlm.data.scene import Scenes
from mvlm.data.things import PLACES
from mvlm.evaluation.scoring import is_kept_phrasing
from mvlm.generation import generate
from mvlm.llava import LLaVA, splice
from mvlm.tokenizer import IMAGE
from mvlm.training.recipes.llava import pictures

pytestmark = pytest.mark.site

ASK = "book/start/ask.html"
LANDING = "book/index.html"
BUDGET = 5_000_000  # bytes of both models, compressed
CLOSE = 1e-3
SEED, SCENES, QUESTIONS = 21, 80, 100  # of each split; as many scenes as the questions take


class Asked(NamedTuple):
    """Questions about pictures: pixels (S, 3, 120, 120), whose each question is, and Python's
    answer as tokens."""

    pixels: torch.Tensor
    of: list[int]
    questions: list[str]
    answers: list[list[int]]


@pytest.fixture(scope="module")
def llava() -> LLaVA:
    return weights.llava()


@pytest.fixture(scope="module")
def chat() -> Chat:
    return Chat(tokenizer=weights.tokenizer())


@pytest.fixture(scope="module")
def page(browser: Browser, html: Path) -> Iterator[Page]:
    """The page from its folder, with no network, its model loaded outside of the worker."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((html / ASK).as_uri())
    page.evaluate(
        """async () => {
          const files = [await mvlm.bring("weights.js", "mvlm_weights"),
                         await mvlm.bring("llava_weights.js", "mvlm_llava")];
          window.llava = await mvlm.read_llava(...files);
          window.bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
          window.text = (numbers) => {
            const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
            let letters = "";
            for (const byte of bytes) letters += String.fromCharCode(byte);
            return btoa(letters);
          };
        }"""
    )
    yield page
    context.close()


@pytest.fixture(scope="module")
def as_sent(page: Page) -> LLaVA:
    """The model in Python with the numbers that the browser has."""
    model = weights.llava()
    for state, prefix in (("llava.state", ""), ("llava.clip.state", "vision.tower.")):
        names = dict(model.named_parameters())
        wanted = [
            name.removeprefix(prefix)
            for name in names
            if bool(prefix) == name.startswith("vision.")
        ]
        in_page = [("image." if prefix else "") + name for name in wanted]
        came = page.evaluate(f"names => names.map(name => text({state}[name].data))", in_page)
        for name, numbers in zip(wanted, came, strict=True):
            names[prefix + name].data = floats(numbers).view_as(names[prefix + name])
    return model


def floats(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.float32)


def rgba(pixels: torch.Tensor) -> str:
    """A picture (3, height, width) of bytes as the page has its pixels."""
    opaque = torch.full((1, *pixels.shape[1:]), 255, dtype=torch.uint8)
    return base64.b64encode(torch.cat((pixels, opaque)).permute(1, 2, 0).numpy().tobytes()).decode()


@pytest.fixture(scope="module")
def asked(llava: LLaVA, chat: Chat) -> dict[str, Asked]:
    """A hundred questions of each split, as Python answers them."""
    return {
        "new combinations": ask(llava, chat, "test", kept=False),
        "unseen artist": ask(llava, chat, "artist", kept=False),
        "unseen phrasings": ask(llava, chat, "test", kept=True),
    }


@torch.inference_mode()
def ask(llava: LLaVA, chat: Chat, split: str, *, kept: bool) -> Asked:
    pixels, of, questions = [], [], []
    scenes = Scenes(split, SCENES, seed=SEED)
    for picture, scene in map(scenes.__getitem__, range(SCENES)):
        some = [q.question for q in scene.questions if is_kept_phrasing(q) == kept]
        of += [len(pixels)] * len(some)
        questions += some
        pixels.append(picture)
        if len(questions) >= QUESTIONS:
            break
    of, questions = of[:QUESTIONS], questions[:QUESTIONS]
    assert len(questions) == QUESTIONS
    pixels = torch.stack(pixels)
    prompts = [chat.prompt([(f"{IMAGE}\n{question}", None)]) for question in questions]
    features = llava.features(pictures(pixels))[of]
    read = splice(prompts, features, llava.language.embed, side="left")
    answers = generate(
        llava.language,
        embeddings=read.embeddings,
        attention_mask=read.attention_mask,
        max_new_tokens=llava_export.MAX_NEW_TOKENS,
        end_id=chat.tokenizer.end_ids,
    )
    return Asked(pixels, of, questions, answers)


@pytest.mark.parametrize("split", ["new combinations", "unseen artist", "unseen phrasings"])
def test_answers_are_those_of_python(page: Page, asked: dict[str, Asked], split: str) -> None:
    pixels, of, questions, answers = asked[split]
    assert len({tuple(answer) for answer in answers}) > 25  # they do differ
    came = page.evaluate(
        """([pictures, of, questions]) => {
          const features = pictures.map((picture) => llava.features(bytes(picture)));
          return questions.map((question, i) =>
            [...llava.answer(features[of[i]], question)].map(({ id }) => id));
        }""",
        [[rgba(picture) for picture in pixels], of, questions],
    )
    wrong = [q for q, one, other in zip(questions, came, answers, strict=True) if one != other]
    assert wrong == []


def test_vectors_scores_and_attention_are_those_of_python(
    page: Page, as_sent: LLaVA, chat: Chat, asked: dict[str, Asked]
) -> None:
    pixels, of, questions, _ = asked["unseen artist"]
    for i in (0, 30, 60):
        picture, question = pixels[of[i]], questions[i]
        came = page.evaluate(
            """([picture, question]) => {
              const features = llava.features(bytes(picture));
              const x = llava.splice(llava.prompt(question, true), features);
              const [{ looked }] = llava.answer(features, question);
              const cache = { length: 0, update: (layer, ...fresh) => fresh };
              const scores = llava.language.logits(llava.language.hidden(x, cache));
              return [features.data, scores.data, looked].map(text);
            }""",
            [rgba(picture), question],
        )
        features, scores, looked = map(floats, came)
        with torch.inference_mode():
            wanted = as_sent.features(pictures(picture[None]))  # 1 N D
            prompt = chat.prompt([(f"{IMAGE}\n{question}", None)])
            x = splice([prompt], wanted, as_sent.language.embed).embeddings  # 1 T D
            wanted_scores = as_sent.language(embeddings=x)
            record: list[torch.Tensor] = []
            rotary = as_sent.language.rotary(slice(0, x.shape[1]), x)
            as_sent.language.transformer(x, causal=True, rotary=rotary, record=record)
        first = prompt.index(-200)
        shares = torch.stack(record)[:, 0, :, -1, first : first + 9].mean(dim=(0, 1))
        assert (features.view_as(wanted) - wanted).abs().max() < CLOSE
        assert (scores.view_as(wanted_scores) - wanted_scores).abs().max() < CLOSE
        assert (looked - shares).abs().max() < 1e-5
        assert shares.max() > 1.5 * shares.min()  # there is something to see


@pytest.mark.parametrize(
    "question", ["", "where is the dog?", "  two  spaces ", "74.3 %", "naïve 日本 🍎", "<points x"]
)
def test_prompts_and_words_are_those_of_python(page: Page, chat: Chat, question: str) -> None:
    for image, turn in ((True, f"{IMAGE}\n{question}"), (False, question)):
        came = page.evaluate(
            "([question, image]) => llava.prompt(question, image)", [question, image]
        )
        marker = chat.tokenizer.token_id(IMAGE)
        assert [-200 if i == marker else i for i in came] == chat.prompt([(turn, None)])
        said = page.evaluate("ids => llava.tokenizer.decode(ids)", came)
        assert said == chat.tokenizer.decode(came)


def test_a_special_token_is_refused_as_in_python(page: Page, chat: Chat) -> None:
    question = "what is <end> here?"
    with pytest.raises(ValueError, match="<end>"):
        chat.prompt([(question, None)])
    with pytest.raises(Exception, match="<end> is no word"):
        page.evaluate("question => llava.prompt(question, true)", question)


# ---- The block -----------------------------------------------------------------------------------


def done(block: Locator) -> str:
    """Wait for the answer, and return what a screen reader is told."""
    expect(block.locator(".ask-took")).to_contain_text("tokens", timeout=60_000)
    return block.get_by_role("status").inner_text()


def tab_to(reader: Page, wanted: Locator, key: str = "Tab") -> None:
    """Reach a control with the keyboard alone."""
    for _ in range(20):
        reader.keyboard.press(key)
        if wanted.evaluate("control => control === document.activeElement"):
            return
    pytest.fail(f"{key} does not lead to {wanted}")


def pixels_of(canvas: Locator) -> torch.Tensor:
    came = canvas.evaluate(
        """canvas => [...canvas.getContext("2d")
             .getImageData(0, 0, canvas.width, canvas.height).data]"""
    )
    return torch.tensor(came, dtype=torch.uint8).view(120, 120, 4)[..., :3]


def python_says(llava: LLaVA, chat: Chat, canvas: Locator, question: str) -> str:
    return llava_export.answer(llava, chat, pixels_of(canvas).numpy(), question)


def test_a_scene_is_asked_with_keys_alone(reader: Page, llava: LLaVA, chat: Chat) -> None:
    block = reader.locator("[data-part=scene]")
    canvas = block.locator(".ask-grid canvas")
    first = block.get_by_role("button", name="top left: rocket")
    first.focus()
    reader.keyboard.press("ArrowRight")
    reader.keyboard.press("ArrowDown")
    centre = block.get_by_role("button", name="centre: fire")
    expect(centre).to_be_focused()
    reader.keyboard.press("Delete")
    expect(block.get_by_role("button", name="centre: nothing")).to_be_focused()
    tab_to(reader, block.get_by_label("In the centre"))
    reader.keyboard.type("tiger")
    reader.keyboard.press("Enter")
    expect(block.get_by_role("button", name="centre: tiger")).to_be_attached()
    scene = llava_export.EXAMPLE | {"scene": "rocket,,dog,,tiger,dog,apple,,umbrella"}
    wanted = torch.from_numpy(llava_export.draw(scene))
    field = block.get_by_label("A question about the scene")
    tab_to(reader, field, "Shift+Tab")
    reader.keyboard.press("Control+A")
    reader.keyboard.type("where is the tiger?")
    reader.keyboard.press("Enter")
    said = done(block)
    assert (pixels_of(canvas) == wanted).all()  # to the last bit
    answer = python_says(llava, chat, canvas, "where is the tiger?")
    assert said == f"“where is the tiger?” {answer}"
    words = block.locator(".ask-said button")
    assert " ".join(words.all_inner_texts()) == answer
    tab_to(reader, words.first)
    expect(block.locator(".ask-looked")).to_contain_text("of its attention went to the nine cells")
    shares = block.locator(".ask-grid span").all_inner_texts()
    assert len(shares) == 9
    assert all(share.endswith(" %") for share in shares)


def test_it_is_asked_with_a_wrong_picture_and_with_none(
    reader: Page, llava: LLaVA, chat: Chat
) -> None:
    block = reader.locator("[data-part=scene]")
    question = "what is in the top left?"
    block.get_by_role("button", name=question).click()
    assert done(block) == f"“{question}” rocket"
    block.get_by_text("a wrong one", exact=True).click()
    expect(block.locator(".ask-got")).to_be_visible()
    said = done(block)
    wrong = block.locator(".ask-got canvas")
    assert (pixels_of(wrong) != pixels_of(block.locator(".ask-grid canvas"))).any()
    assert said == f"“{question}” {python_says(llava, chat, wrong, question)}"
    block.get_by_text("no picture", exact=True).click()
    expect(block.locator(".ask-got")).to_be_hidden()
    said = done(block)
    prompt = chat.prompt([(question, None)])
    ids = llava.generate(None, [prompt], max_new_tokens=60, end_id=chat.tokenizer.end_ids)[0]
    assert said == f"“{question}” {chat.tokenizer.decode(ids).strip()}"
    expect(block.locator(".ask-looked")).to_contain_text("no picture to look at")


def test_an_address_brings_the_scene_back(reader: Page, browser: Browser, html: Path) -> None:
    block = reader.locator("[data-part=scene]")
    block.get_by_role("button", name="Another scene").click()
    block.get_by_text("Fluent (never seen)", exact=True).click()
    block.get_by_role("button", name="say what is in every place.").click()
    said = done(block)
    address = reader.url
    assert "#scene=" in address
    other = browser.new_context(offline=True).new_page()
    other.goto(address)
    again = other.locator("[data-part=scene]")
    expect(again.get_by_role("status")).to_contain_text("scene of the address")
    again.get_by_role("button", name="Ask", exact=True).click()
    assert done(again) == said
    assert (pixels_of(again.locator(".ask-grid canvas"))
            == pixels_of(block.locator(".ask-grid canvas"))).all()  # fmt: skip
    other.goto((html / ASK).as_uri() + "#scene=dog,unicorn&ground=x")  # no scene: the example stays
    other.reload()
    expect(again.get_by_role("button", name="top left: rocket")).to_be_attached()
    other.context.close()


def test_a_picture_of_ones_own_is_answered(reader: Page, llava: LLaVA, chat: Chat) -> None:
    block = reader.locator("[data-part=scene]")
    picture, _ = Scenes("artist", 1, seed=SEED)[0]
    wide = torch.zeros(3, 120, 160, dtype=torch.uint8)
    wide[:, :, 20:140] = picture  # what is left and right of the square is cut off
    buffer = io.BytesIO()
    Image.fromarray(wide.permute(1, 2, 0).numpy()).save(buffer, "PNG")
    file = {"name": "mine.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    block.get_by_label("Or a picture of your own").set_input_files(file)
    expect(block.get_by_role("status")).to_contain_text("mine.png is the scene now")
    canvas = block.locator(".ask-grid canvas")
    assert (pixels_of(canvas) == picture.permute(1, 2, 0)).all()
    question = "say what is in every place."
    block.get_by_role("button", name=question).click()
    assert done(block) == f"“{question}” {python_says(llava, chat, canvas, question)}"
    assert "scene=" not in reader.url
    expect(block.get_by_text("The model knows 90 things")).to_be_visible()
    block.get_by_label("Or a picture of your own").set_input_files(
        {"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    expect(block.get_by_role("status")).to_contain_text("no.png is no picture")


def test_the_block_is_open_to_all(reader: Page) -> None:
    axe = (assets.fetch(*assets.AXE) / "axe.min.js").read_text(encoding="utf-8")
    block = reader.locator("[data-part=scene]")
    block.get_by_text("a wrong one", exact=True).click()
    done(block)
    reader.evaluate(axe)
    found = reader.evaluate("axe.run('[data-part=scene]', {preload: false})")["violations"]
    reader.evaluate("document.documentElement.dataset.theme = 'dark'")
    found += reader.evaluate("axe.run('[data-part=scene]', {preload: false})")["violations"]
    assert [(v["id"], [node["html"][:120] for node in v["nodes"][:3]]) for v in found] == []
    excess = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert reader.evaluate(excess) <= 0


def test_without_script_there_is_an_answer(browser: Browser, html: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for name, part in ((ASK, "scene"), (LANDING, "small")):
        page.goto((html / name).as_uri())
        block = page.locator(f"[data-part={part}]")
        expect(block).to_contain_text("top right, middle right: 2")
        expect(block.get_by_role("img")).to_have_attribute("alt", llava_alt())
        assert block.get_by_role("button").count() == 0
    context.close()


def llava_alt() -> str:
    named = zip(llava_export.EXAMPLE["scene"].split(","), PLACES, strict=True)
    things = ", ".join(f"{name} {place}" for name, place in named if name)
    return f"A picture of nine cells: {things}."


def test_weights_that_do_not_come_are_said_so(browser: Browser, html: Path) -> None:
    page = browser.new_page()
    page.route("**/llava_weights.js*", lambda route: route.abort())
    page.goto((html / ASK).as_uri())
    block = page.locator("[data-part=scene]")
    block.get_by_role("button", name="Ask", exact=True).click()
    status = block.get_by_role("status")
    expect(status).to_contain_text("cannot be asked: its file did not come")
    page.unroute("**/llava_weights.js*")
    block.get_by_role("button", name="Ask", exact=True).click()
    assert done(block).endswith("top right, middle right: 2")
    page.close()


def test_the_landing_page_loads_nothing_before_it_is_asked(
    browser: Browser, html: Path, address: str
) -> None:
    page = browser.new_page()
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(address + LANDING, wait_until="networkidle")
    heavy = ("weights", "clip.js", "llava.js", "scene.js", "drawings.js")
    assert [url for url in loaded if any(name in url for name in heavy)] == []
    block = page.locator("[data-part=small]")
    block.get_by_role("button", name="Ask the model now").click()
    expect(block.get_by_role("status")).to_contain_text(
        "Answered: “top right, middle right: 2”", timeout=60_000
    )
    ours = (address, "data:", "blob:")
    assert [url for url in loaded if not url.startswith(ours)] == []
    block.get_by_role("link", name="Another scene").click()
    expect(page.locator("[data-part=scene]").get_by_role("status")).to_contain_text(
        "of the address"
    )
    page.close()
    files = ("weights.js", "llava_weights.js")
    sent = {name: len(gzip.compress((html / "_static/ask" / name).read_bytes())) for name in files}
    print(json.dumps(sent))
    assert sum(sent.values()) <= BUDGET
