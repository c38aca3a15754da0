"""CLIP in the reader's browser: the same numbers as in Python, asked in every way a reader can."""

import base64
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import ask
import assets
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.recipes.clip import drawing_table, vocabulary
from mvlm.training.recipes.views import ViewConfig, on_white, views

pytestmark = pytest.mark.site

PAGE = "book/start/ask.html"
BUDGET = 3_000_000  # bytes of the weights, compressed
CLOSE = 1e-3  # of a cosine
WRITTEN = (
    "", "a", "red apple", "Red APPLE", "a drawing of a cat", "an emoji: rocket", "flurble",
    "I'll say it's 3", "don't we'd they've", "  two  spaces ", "tab\tand\nline", "!!! ... ,;",
    "74.3 % of 1024", "½ Ⅷ ٣ 𝟗", "naïve café", "日本の城", "🍎🚀",
    "e\u0301 \u200d \ufeff \x85 \xa0",
    "<start>cat<end>", "<points x</points", ' alt="<point>', "\ud800 alone", "a" * 90,
    "the, keyword, list",
)  # fmt: skip


@pytest.fixture(scope="module")
def clip() -> CLIP:
    return weights.clip()


@pytest.fixture(scope="module")
def page(browser: Browser, html: Path) -> Iterator[Page]:
    """The page from its folder, with no network, its model loaded."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((html / PAGE).as_uri())
    page.evaluate("async () => { window.model = await mvlm.load(); }")
    yield page
    context.close()


def texts() -> list[str]:
    """Fifty: names and what people may type."""
    return [*WRITTEN, *(word.name for word in vocabulary()[::40])][:50]


def pixels() -> torch.Tensor:
    """Fifty pictures (50, 40, 40, 3) of bytes: Fluent's on white, and views on any colour."""
    table = drawing_table(("fluent",))
    plain = on_white(table[0, ::45])[:25]
    fresh = views(table[:, 7::44][:, :25], list(range(25)), ViewConfig())
    both = torch.cat((plain, fresh)).clamp(0, 1)
    return (both * 255).round().byte().permute(0, 2, 3, 1)


def in_python(clip: CLIP, images: torch.Tensor) -> torch.Tensor:
    return clip.encode_image(normalise(images.permute(0, 3, 1, 2) / 255, CLIP_MEAN, CLIP_STD))


def tokens(clip: CLIP, some: list[str]) -> torch.Tensor:
    return weights.tokenizer()(some, length=clip.config.text.context_length)


def test_tokens_are_the_same(page: Page, clip: CLIP) -> None:
    some = [*WRITTEN, *(word.name for word in vocabulary())]
    some += [keyword for word in vocabulary() for keyword in word.keywords]
    passed = [text.encode("utf-16-le", "surrogatepass").hex() for text in some]
    came = page.evaluate(
        """texts => texts.map(hex => {
             const units = hex.match(/..../g) ?? [];
             return model.ids(units.map(u => String.fromCharCode(
               parseInt(u.slice(2) + u.slice(0, 2), 16))).join(""));
           })""",
        passed,
    )
    for text, ids, row in zip(some, came, tokens(clip, some).tolist(), strict=True):
        assert ids == row[: len(ids)], repr(text)
        assert set(row[len(ids) :]) <= {weights.tokenizer().pad_id}, repr(text)


def test_cosines_are_those_of_python(page: Page, clip: CLIP) -> None:
    images, some = pixels(), texts()
    rgba = torch.cat((images, torch.full((*images.shape[:3], 1), 255).byte()), dim=3)
    came_texts = torch.tensor(
        page.evaluate(
            "rows => rows.map(ids => [...model.clip.encode_text(ids)])",
            page.evaluate("texts => texts.map(text => model.ids(text))", [
                text.encode("utf-8", "replace").decode() for text in some
            ]),
        )
    )  # fmt: skip
    came_images = torch.tensor(
        page.evaluate(
            """all => all.map(base64 => {
                 const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
                 return [...model.clip.encode_image(model.clip.to_tensor(bytes))];
               })""",
            [base64.b64encode(one.numpy().tobytes()).decode() for one in rgba],
        )
    )
    wanted_texts, wanted_images = clip.encode_text(tokens(clip, some)), in_python(clip, images)
    wanted = wanted_texts @ wanted_images.T  # (50, 50)
    assert wanted.shape == (50, 50)
    assert wanted.std() > 0.05  # they do differ
    difference = (came_texts @ came_images.T - wanted).abs().max().item()
    print(f"largest difference of {wanted.numel()} cosines: {difference:.2e}")
    assert difference < CLOSE


def test_table_of_drawings_is_that_of_python(page: Page, clip: CLIP) -> None:
    images = on_white(drawing_table(("fluent",))[0]).clamp(0, 1)
    wanted = clip.encode_image(normalise(images, CLIP_MEAN, CLIP_STD))
    came = torch.tensor(page.evaluate("[...model.pictures.data]")).view_as(wanted)
    assert (came - wanted).abs().max() < CLOSE
    assert page.evaluate("model.emoji.map(([name]) => name)") == [w.name for w in vocabulary()]


@pytest.mark.parametrize("name", ["gelu", "quick_gelu", "gelu_tanh", "silu"])
def test_activations_are_those_of_torch(page: Page, name: str) -> None:
    from mvlm.transformer import ACTIVATIONS

    x = torch.linspace(-8, 8, 401)
    came = page.evaluate(f"x => x.map(mvlm.ACTIVATIONS.{name})", x.tolist())
    assert torch.allclose(torch.tensor(came), ACTIVATIONS[name](x), atol=2e-6)


def test_weights_are_light_and_come_when_asked(browser: Browser, html: Path, address: str) -> None:
    page = browser.new_page()
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(address + PAGE, wait_until="networkidle")
    assert not [url for url in loaded if "weights.js" in url or "fluent.webp" in url]
    page.get_by_role("button", name="fast car").click()
    expect(page.locator("[data-part=words] .ask-detail")).to_contain_text("ms")
    assert [url for url in loaded if "weights.js" in url]
    assert [url for url in loaded if not url.startswith((address, "data:"))] == []
    page.close()
    sent = len(gzip.compress((html / "_static/ask/weights.js").read_bytes()))
    assert sent <= BUDGET


def test_words_find_drawings_by_keyboard(reader: Page, clip: CLIP) -> None:
    block = reader.locator("[data-part=words]")
    block.get_by_label("Words to look for").focus()
    reader.keyboard.type("red heart")
    reader.keyboard.press("Enter")
    expect(block.get_by_role("status")).to_contain_text("Nearest to “red heart”")
    expect(block.locator(".ask-detail")).to_contain_text("ms")
    images = on_white(drawing_table(("fluent",))[0]).clamp(0, 1)
    pictures = clip.encode_image(normalise(images, CLIP_MEAN, CLIP_STD))
    scores = clip.encode_text(tokens(clip, ["red heart", "red", "heart"])) @ pictures.T
    best = scores[0].argsort(descending=True)[:6]
    shown = [box.get_attribute("aria-label") for box in block.locator("th [role=img]").all()]
    assert shown == [vocabulary()[i].name for i in best]
    assert block.locator("th[scope=row]").all_inner_texts() == ["red heart", "red", "heart"]
    cells = [float(cell.replace("−", "-")) for cell in block.locator("td i").locator("..")
             .all_inner_texts()]  # fmt: skip
    assert cells == pytest.approx(scores[:, best].flatten().tolist(), abs=0.0061)


def test_an_emoji_gets_its_probabilities(reader: Page, clip: CLIP) -> None:
    block = reader.locator("[data-part=labels]")
    block.get_by_label("Find an emoji").fill("rocket")
    block.locator(".ask-picker button").first.press("Enter")
    expect(block.get_by_role("status")).to_contain_text("Fluent’s rocket")
    labels = ["dog", "rocket", "a house", "sun"]
    block.get_by_label("Labels").fill(", ".join([*labels, " dog ", ""]))
    block.get_by_label("Labels").press("Enter")
    expect(block.locator("tr")).to_have_count(5)
    place = [word.name for word in vocabulary()].index("rocket")
    image = on_white(drawing_table(("fluent",))[0, [place]]).clamp(0, 1)
    vector = clip.encode_image(normalise(image, CLIP_MEAN, CLIP_STD))[0]
    cosines = clip.encode_text(tokens(clip, labels)) @ vector
    shares = (clip.logit_scale.exp() * cosines).softmax(dim=0)
    rows = {
        row.locator("th").inner_text(): float(row.locator("td").last.inner_text().rstrip(" %"))
        for row in block.locator("tr").all()[1:]
    }
    assert rows == pytest.approx(dict(zip(labels, (100 * shares).tolist(), strict=True)), abs=0.6)
    assert list(rows) == sorted(rows, key=rows.get, reverse=True)


def test_a_file_is_seen_as_python_sees_it(reader: Page, clip: CLIP) -> None:
    from PIL import Image

    picture = pixels()[30]
    buffer = io.BytesIO()
    Image.fromarray(picture.numpy()).save(buffer, "PNG")
    block = reader.locator("[data-part=labels]")
    block.get_by_text("A file", exact=True).click()
    block.get_by_label("A picture file").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    )
    expect(block.get_by_role("status")).to_contain_text("mine.png: most probably")
    block.get_by_label("Labels").fill("dog")
    expect(block.locator("tr")).to_have_count(2)
    cosine = float(block.locator("tr td").first.inner_text().replace("−", "-"))
    wanted = clip.encode_text(tokens(clip, ["dog"])) @ in_python(clip, picture[None]).T
    assert cosine == pytest.approx(wanted.item(), abs=0.0061)
    block.get_by_label("A picture file").set_input_files(
        {"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    expect(block.get_by_role("status")).to_contain_text("no.png is no picture")


def test_one_can_draw_with_a_finger_and_with_keys(reader: Page) -> None:
    block = reader.locator("[data-part=labels]")
    block.get_by_text("Draw", exact=True).click()
    expect(block.get_by_role("status")).to_contain_text("The pad is ready")
    block.get_by_label("red").check()
    pad = block.locator(".ask-pad canvas")
    white = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)" \
            ".data.filter((value, i) => i % 4 === 1 && value > 250).length"  # fmt: skip
    before = pad.evaluate(white)
    pad.click(position={"x": 60, "y": 60})
    expect(block.get_by_role("status")).to_contain_text("Your drawing: most probably")
    dotted = pad.evaluate(white)
    assert dotted < before
    pad.focus()
    reader.keyboard.press("ArrowRight")
    assert pad.evaluate(white) == dotted  # moved, not painted
    for _ in range(12):
        reader.keyboard.press("Shift+ArrowDown")
    assert pad.evaluate(white) < dotted
    expect(block.locator(".ask-seen")).to_have_attribute(
        "aria-label", "Your drawing, as the model sees it"
    )
    block.get_by_role("button", name="Start again").click()
    reader.wait_for_function(f"({white})(document.querySelector('.ask-pad canvas')) === {before}")


def test_answers_are_open_to_all(reader: Page) -> None:
    axe = (assets.fetch(*assets.AXE) / "axe.min.js").read_text(encoding="utf-8")
    words, labels = (reader.locator(f"[data-part={part}]") for part in ("words", "labels"))
    words.get_by_label("Words").fill("a small green house")
    labels.get_by_label("Find").fill("fish")
    labels.locator(".ask-picker button").first.click()
    expect(words.locator(".ask-detail")).to_contain_text("ms")
    expect(labels.locator(".ask-like [role=img]")).to_have_count(6)
    reader.evaluate(axe)
    found = []
    for source in ("An emoji", "Draw", "A file"):
        labels.get_by_text(source, exact=True).click()
        found += reader.evaluate("axe.run('.ask-model', {preload: false})")["violations"]
    labels.get_by_text("Draw", exact=True).click()
    reader.evaluate("document.documentElement.dataset.theme = 'dark'")
    found += reader.evaluate("axe.run('.ask-model', {preload: false})")["violations"]
    assert [(v["id"], [node["html"][:120] for node in v["nodes"][:3]]) for v in found] == []
    excess = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert reader.evaluate(excess) <= 0


def test_without_script_there_is_an_example(browser: Browser, html: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((html / PAGE).as_uri())
    assert not page.locator(".ask-model form").first.is_visible()
    pictures = page.locator("[data-part=words] img, [data-part=labels] img")
    assert pictures.count() == 7
    assert all(picture.get_attribute("alt") for picture in pictures.all())
    assert page.locator(".ask-model table:visible").count() == 2
    assert page.get_by_text("With JavaScript you could ask").first.is_visible()
    context.close()


def test_weights_that_do_not_come_are_said_so(browser: Browser, html: Path) -> None:
    page = browser.new_page()
    page.route("**/weights.js*", lambda route: route.abort())
    page.goto((html / PAGE).as_uri())
    page.get_by_role("button", name="fast car").click()
    status = page.locator("[data-part=words]").get_by_role("status")
    expect(status).to_contain_text("cannot be asked: its file did not come")
    page.unroute("**/weights.js*")
    page.get_by_role("button", name="fast car").click()
    expect(status).to_contain_text("Nearest to “fast car”")
    page.close()


def test_numbers_are_written_with_a_true_minus() -> None:
    assert [ask.two(value) for value in (0.5, -0.004, -0.25)] == ["0.50", "0.00", "−0.25"]
