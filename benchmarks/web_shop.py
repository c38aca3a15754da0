"""The same shop as real HTML in Chromium: ``python benchmarks/web_shop.py``, some minutes.

A small server keeps the basket and answers with HTML; Playwright opens it, makes the picture, reads
the element list out of the page and clicks. The agents are those of `benchmarks/agents.py`, and so
are the first shops, so that runs can be compared one by one. Writes `web_shop.json` and a picture
of one page, `web_shop.png`. Needs a browser: see `tests/tools.py`.

Two settings of the same page: in the letters that the course draws with (DejaVu Sans, 11 pixels,
sent along with the page), and in whatever the browser takes for "serif".
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import matplotlib
import numpy as np
from agents import SEED, makers, told
from harness import HERE, ROOT, write
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Page as Tab

from mvlm.data.canvas import LARGE, RULE, SMALL, Colour
from mvlm.data.emojis import sprite
from mvlm.data.pages import HEIGHT, STRIP, WIDTH, Page
from mvlm.data.shop import (
    ABOVE,
    CUTOUT,
    STEPS,
    WANTED,
    Agent,
    Line,
    Shop,
    State,
    View,
    make_shops,
    page,
    step,
)
from mvlm.evaluation.agents import how_it_ended
from mvlm.tasks import Action, parse_action

sys.path.append(str(ROOT / "tests"))
from tools import FLAGS, PLAYWRIGHTS_OWN, tools, why_not

RUNS = 40  # with names, and as many without
DEJAVU = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")
RIM = f"border:1px solid rgb{RULE}"
BLIND = ("nothing", "the task alone")  # do not look at the page: their runs would be the same
FONTS = {"the course's letters": "course", "other letters": "serif"}


def css(colour: Colour) -> str:
    """A colour as CSS writes it."""
    return f"rgb{colour}"


@cache
def picture_address(name: str, artist: str) -> str:
    """A drawing of 40 pixels as an address that holds it."""
    paint, clear = sprite(name, artist, CUTOUT)
    drawn = np.full((CUTOUT, CUTOUT, 3), 255, np.uint8)
    height, width = clear.shape[:2]
    drawn[:height, :width] = (paint + drawn[:height, :width] * clear) // 255
    buffer = io.BytesIO()
    Image.fromarray(drawn).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


@cache
def font_address() -> str:
    """The course's letters, as an address that holds them."""
    return "data:font/ttf;base64," + base64.b64encode(DEJAVU.read_bytes()).decode()


def at(x: int, y: int, inside: str, *, style: str = "", size: int = SMALL) -> str:
    """Something whose top left corner is at (x, y)."""
    tall = 14 if size == SMALL else 18  # as tall as the drawn letters
    place = f"left:{x}px;top:{y}px;font-size:{size}px;line-height:{tall}px;{style}"
    return f'<span style="{place}">{inside}</span>'


def html(made: Page, font: str) -> str:
    """The page as HTML: links and buttons that a browser can press, at the places of the drawing.

    Args:
        font: "course" or the name of another family.
    """
    head, tag = made.colours
    parts = [
        at(0, 0, "", style=f"width:{WIDTH}px;height:28px;background:{css(head)}"),
        at(8, 5, f"<b>{escape(made.shop)}</b>", style="color:#fff", size=LARGE),
        at(236, 8, "basket", style="color:#fff"),
        at(284, 8, f'<i id="basket">{made.basket or 0}</i>', style="color:#fff"),
    ]
    for number, role, label, price, artist, (x, y, *_) in made.elements:
        mark = f'<em style="background:{css(tag)}">[{number}]</em>'
        about = f'data-number="{number}" data-role="{role}" data-price="{price}"'
        if role == "link":
            link = f'<a href="/press?number={number}" {about}>{escape(label)}</a>'
            parts += [at(x, y, mark), at(x + 31, y, link)]
            continue
        name = escape(label) if made.named else ""
        button = f'<button name="number" value="{number}" {about} data-text="{name}">buy</button>'
        parts += [
            at(
                x - 8, y - 62, "", style="width:148px;height:82px;border:1px solid rgb(205,205,205)"
            ),
            f'<img src="{picture_address(label, artist)}" data-of="{number}" alt="{name}" '
            f'style="left:{x}px;top:{y - ABOVE}px">',
            at(x + 48, y - 54, name),
            at(x + 48, y - 38, f"{price} coins"),
            at(x, y, mark),
            at(x + 31, y, button),
        ]
    if made.wanted is not None:
        left, top = WANTED
        frame = f"width:{WIDTH - 14}px;height:{STRIP - 10}px;{RIM}"
        parts += [
            at(6, HEIGHT + 4, "", style=frame),
            at(14, HEIGHT + 24, "the picture of the task"),
            f'<img id="wanted" src="{picture_address(*made.wanted)}" alt="" '
            f'style="left:{left}px;top:{top}px">',
        ]
    face = f"@font-face{{font-family:course;src:url({font_address()})}}"
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{escape(made.shop)}</title>
<style>{face if font == "course" else ""}
*{{margin:0;padding:0}} body{{font-family:{font};color:rgb(34,34,34)}}
span,img{{position:absolute;white-space:pre}} i,em{{font-style:normal}} b{{font-weight:400}}
em{{color:#fff;padding:0 2px}} a{{color:inherit;text-decoration:none}}
button{{font:inherit;color:inherit;background:none;border:0}}
</style><form action="/press" method="post">{"".join(parts)}</form></html>"""


class ShopServer(ThreadingHTTPServer):
    """One shop, one visitor: what lies in the basket is kept here, and judged here."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.shop: Shop | None = None
        self.state, self.font = State(), "course"

    def open(self, shop: Shop, font: str) -> str:
        """Begin with a shop; the address to visit."""
        self.shop, self.state, self.font = shop, State(), font
        return f"http://127.0.0.1:{self.server_port}/"

    def press(self, number: int) -> None:
        """A visitor pressed what carries this number."""
        self.state = step(self.shop, self.state, Action(name="click", element=number))


class Handler(BaseHTTPRequestHandler):
    """Shows the page, and takes what is pressed."""

    server: ShopServer

    def do_GET(self) -> None:
        """The page; or a link was followed."""
        address = urlparse(self.path)
        if address.path == "/press":
            self._pressed(address.query)
            return
        body = html(page(self.server.shop, self.server.state), self.server.font).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """A button was pressed."""
        length = int(self.headers.get("Content-Length", 0))
        self._pressed(self.rfile.read(length).decode())

    def _pressed(self, query: str) -> None:
        self.server.press(int(parse_qs(query)["number"][0]))
        self.send_response(303)
        self.send_header("Location", "/")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing for each."""


@contextmanager
def open_browser(program: str) -> Iterator[Browser]:
    """A browser, as `tests/tools.py` names it."""
    executable = None if program == PLAYWRIGHTS_OWN else program
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


@contextmanager
def serving() -> Iterator[ShopServer]:
    """A shop server on a free port."""
    server = ShopServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


LISTED = """() => [...document.querySelectorAll('[data-number]')].map(e => [
  Number(e.dataset.number), e.dataset.role, e.dataset.text ?? e.textContent, Number(e.dataset.price)
])"""


def see(tab: Tab) -> View:
    """What the browser shows: the picture, and the element list out of the page's own tree."""
    wanted = tab.query_selector("#wanted")
    tab.set_viewport_size({"width": WIDTH, "height": HEIGHT + STRIP * (wanted is not None)})
    tab.evaluate("() => document.fonts.ready")
    picture = pixels(tab.screenshot())
    lines = tuple(Line(*line) for line in tab.evaluate(LISTED))

    def cut(selector: str) -> np.ndarray:
        box = tab.query_selector(selector).bounding_box()
        x, y = round(box["x"]), round(box["y"])
        return picture[y : y + CUTOUT, x : x + CUTOUT]

    return View(
        picture=picture,
        lines=lines,
        basket=int(tab.inner_text("#basket")),
        cutouts={
            line.number: cut(f'img[data-of="{line.number}"]')
            for line in lines
            if line.role == "buy"
        },
        wanted=None if wanted is None else cut("#wanted"),
    )


def pixels(png: bytes) -> np.ndarray:
    """A screenshot as (height, width, 3)."""
    return np.array(Image.open(io.BytesIO(png)).convert("RGB"))


def visit(tab: Tab, server: ShopServer, shop: Shop, agent: Agent, font: str) -> State:
    """One run: the state on the server when the agent has stopped, or acted so many times."""
    tab.goto(server.open(shop, font))
    for _ in range(STEPS):
        try:
            action = parse_action(agent(see(tab), shop.task))
        except ValueError:
            continue  # no action: it costs a step
        if action.name == "stop":
            server.state = step(shop, server.state, action)
            break
        pressed = tab.query_selector(f'[data-number="{action.element}"]')
        if action.name == "click" and pressed is not None:
            pressed.click()
            tab.wait_for_load_state()
    return server.state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS, help="shops with names, and without")
    runs = parser.parse_args().runs
    if not tools()["browser"]:
        raise SystemExit(why_not("browser"))
    agents = {name: make for name, make in makers().items() if name not in BLIND}
    results: dict = {"runs": runs, "seed": SEED, "columns": {}}
    with open_browser(tools()["browser"]) as chromium, serving() as server:
        results["browser"] = f"Chromium {chromium.version}"
        tab = chromium.new_page()
        for title, named in (("with names", True), ("without names", False)):
            shops = list(make_shops("test", runs, SEED, named=named))
            results["columns"][title] = {
                letters: {
                    name: told(
                        [
                            how_it_ended(shop, visit(tab, server, shop, make(shop), font))
                            for shop in shops
                        ]
                    )
                    for name, make in agents.items()
                }
                for letters, font in FONTS.items()
            }
            print(title, results["columns"][title], flush=True)
        shop = next(make_shops("test", 1, SEED, named=True))
        strips = []
        for font in FONTS.values():
            tab.goto(server.open(shop, font))
            strips.append(see(tab).picture)
        Image.fromarray(np.concatenate(strips, axis=1)).save(HERE / "web_shop.png", optimize=True)
    write("web_shop.json", results)


if __name__ == "__main__":
    main()
