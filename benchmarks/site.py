"""``python benchmarks/site.py --lighthouse PATH``: what Lighthouse says of each page.

Wants Chromium and Lighthouse, which is no part of the environment: ``npm install lighthouse`` in
a folder of its own, whose ``node_modules/.bin/lighthouse`` is PATH. Serves the built site from
this machine, compressed as web hosts do, asks for Lighthouse's desktop preset, and writes
`benchmarks/site.json`. With or without PATH, Chromium asks the page's LLaVA some questions, and how
soon it answered is written too.
"""

import argparse
import gzip
import io
import json
import os
import shutil
import statistics
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness import ROOT, read, run, write
from playwright.sync_api import Page, sync_playwright
from tqdm import tqdm

FLAGS = "--headless --no-sandbox --disable-gpu"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
ASK = "book/start/ask.html"
ASKED = ("say what is in every place.", "what is in the top left?", "how many things are there?")
ROUNDS = 5
# From the click to the first word, and to the last one, in milliseconds; and how many words.
ANSWER = """question => new Promise((resolve) => {
  const block = document.querySelector("[data-part=scene]"), form = block.querySelector("form");
  const started = performance.now();
  let first;
  const look = new MutationObserver(() => {
    const words = block.querySelectorAll(".ask-said button").length, now = performance.now();
    if (words) first ??= now - started;
    if (!block.querySelector(".ask-took").textContent.includes("tokens")) return;
    look.disconnect();
    resolve({ first, all: now - started, words });
  });
  look.observe(block, { childList: true, subtree: true, characterData: true });
  form.elements.question.value = question;
  form.requestSubmit();
})"""
COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}


class Host(SimpleHTTPRequestHandler):
    """Serves files as a web host does: text compressed, many over one connection."""

    protocol_version = "HTTP/1.1"

    def send_head(self) -> io.BufferedIOBase | None:
        path = Path(self.translate_path(self.path))
        if path.suffix not in COMPRESSED or not path.is_file():
            return super().send_head()
        body = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path.name))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def log_message(self, *args: object) -> None:
        pass


def serve(folder: Path) -> ThreadingHTTPServer:
    """A server of `folder` on a free port, running until it is shut down."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Host, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def measure(lighthouse: Path, url: str) -> dict:
    """Lighthouse's report of one page.

    Raises:
        SystemExit: Lighthouse failed, with what it said.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [lighthouse, url, "--preset=desktop", "--output=json", "--quiet"]
        command += [f"--output-path={report}", f"--chrome-flags={FLAGS}"]
        run(command, CHROME_PATH=chromium)
        return json.loads(report.read_text(encoding="utf-8"))


def summary(report: dict) -> dict:
    """Of a report: the four scores out of 100, when text is first painted, what failed."""
    categories, audits = report["categories"], report["audits"]
    figures = {name: round(categories[name]["score"] * 100) for name in CATEGORIES}
    figures["first paint, ms"] = round(audits["first-contentful-paint"]["numericValue"])
    figures["failed"] = sorted(
        part["id"]
        for name in CATEGORIES[1:]
        for part in categories[name]["auditRefs"]
        if part["weight"] and audits[part["id"]]["score"] == 0
    )
    return figures


def asking(html: Path, address: str) -> dict:
    """How soon the page's LLaVA answers in Chromium: medians, in milliseconds and words a second.

    The first question of a fresh browser loads the model, each later one has a new scene.
    """
    fresh, later, speeds = [], [], []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        for _ in tqdm(range(ROUNDS), unit="browser"):
            context = chromium.new_context()
            page: Page = context.new_page()
            page.goto(address + ASK, wait_until="networkidle")
            for place, question in enumerate(ASKED):
                if place:
                    page.get_by_role("button", name="Another scene").click()
                took = page.evaluate(ANSWER, question)
                (later if place else fresh).append(took["first"])
                speeds += [] if place else [took["words"] / (took["all"] - took["first"]) * 1000]
            context.close()
        chromium.close()
    files = ("weights.js", "llava_weights.js", "drawings.js")
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "kB": {
            name: len(gzip.compress((html / "_static/ask" / name).read_bytes())) // 1000
            for name in files
        },
        "first word of the first answer, ms": round(statistics.median(fresh)),
        "first word of a later answer, ms": round(statistics.median(later)),
        "words a second": round(statistics.median(speeds)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lighthouse", type=Path, help="the program lighthouse")
    parser.add_argument("--html", type=Path, default=ROOT / "_build/html", help="the built site")
    parser.add_argument("--only", default="", help="only pages whose path holds this")
    options = parser.parse_args()
    pages = [page.relative_to(options.html).as_posix() for page in options.html.rglob("*.html")]
    pages = [page for page in sorted(pages) if page[0] != "_" and page != "index.html"]
    results = read("site.json") or {"pages": {}}
    results["pages"] = {page: old for page, old in results["pages"].items() if page in pages}
    server = serve(options.html)
    results["asking"] = asking(options.html, f"http://127.0.0.1:{server.server_port}/")
    write("site.json", results)
    chosen = [page for page in pages if options.only in page] if options.lighthouse else []
    for page in tqdm(chosen, unit="page"):
        report = measure(options.lighthouse, f"http://127.0.0.1:{server.server_port}/{page}")
        results["lighthouse"] = report["lighthouseVersion"]
        results["pages"][page] = summary(report)
        results["pages"] = dict(sorted(results["pages"].items()))
        write("site.json", results)
    server.shutdown()
    print("written to benchmarks/site.json; now run: python benchmarks/page.py")


if __name__ == "__main__":
    main()
