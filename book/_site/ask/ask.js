// The blocks where a reader asks CLIP: words to drawings, and a picture to labels. The model itself
// is in clip.js. Its weights are a script of their own, loaded once somebody asks.
"use strict";
(() => {
  const { make, beside } = mvlm;
  const NEAREST = 6, MOST_WORDS = 6, MOST_LABELS = 20, FOUND = 24;
  const DRAWING_DELAY = 120; // milliseconds without a keystroke or a stroke before CLIP is asked
  const COLOURS = {
    black: "#1c1c1c", red: "#e02f2f", orange: "#f38a1d", yellow: "#ffd23c", green: "#3aa84a",
    blue: "#2f7de0", purple: "#8a4fc4", pink: "#ff8fb8", brown: "#7a4a2b", grey: "#9a9a9a",
    white: "#ffffff",
  };

  // ---- Helpers ---------------------------------------------------------------------------------

  function later(work) {
    let waiting;
    return () => {
      clearTimeout(waiting);
      waiting = setTimeout(work, DRAWING_DELAY);
    };
  }

  const best = (scores, count) =>
    [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, count);

  // Two digits, with a true minus sign, and none before zero.
  const two = (value) => value.toFixed(2).replace(/^-(?=0\.00)/, "").replace("-", "−");

  const bar = (share) => make("i", { style: `--share:${Math.max(0, share).toFixed(3)}` });

  // ---- The model, loaded once for the page ------------------------------------------------------

  let loaded = false;
  const load = mvlm.once(async () => {
    const model = await mvlm.read(await mvlm.bring("weights.js", "mvlm_weights"));
    model.sheet = `url("${beside("fluent.webp")}")`;
    loaded = true;
    return model;
  });

  // Say that the model comes, wait for it, do the work; one question at a time in each block.
  async function ask(block, work) {
    const status = block.querySelector(".ask-status");
    block.asked = (block.asked ?? 0) + 1;
    const mine = block.asked;
    try {
      if (!loaded) status.textContent = "The model is on its way …";
      const model = await load();
      if (mine !== block.asked) return; // a newer question came meanwhile
      work(model);
      dispatchEvent(new Event("resize")); // course.js looks again which tables scroll
    } catch (error) {
      status.textContent = `The model cannot be asked: ${error.message}. Try again, or see above what your browser needs.`;
    }
  }

  // One of Fluent's drawings, as the image tower saw it: a part of the sheet.
  function drawing(model, index) {
    const rows = Math.ceil(model.emoji.length / model.columns);
    const column = index % model.columns, row = Math.floor(index / model.columns);
    return make("span", {
      class: "ask-emoji",
      role: "img",
      "aria-label": model.emoji[index][0],
      title: model.emoji[index][0],
      style: `background-image:${model.sheet};` +
        `background-size:${model.columns * 100}% ${rows * 100}%;` +
        `background-position:${(100 * column) / (model.columns - 1)}% ${(100 * row) / (rows - 1)}%`,
    });
  }

  const name = (model, index) => model.emoji[index][0];
  const encode_text = (model, text) => model.clip.encode_text(model.ids(text));

  // ---- Words to drawings -------------------------------------------------------------------------

  function words_block(block) {
    const form = block.querySelector("form");
    const field = form.elements.text;

    const answer = () => {
      const text = field.value.trim();
      if (!text) return;
      ask(block, (model) => {
        const started = performance.now();
        const words = text.split(/\s+/);
        const texts = words.length > 1 ? [text, ...new Set(words)].slice(0, MOST_WORDS) : [text];
        const scores = texts.map((t) => mvlm.cosines(encode_text(model, t), model.pictures));
        const nearest = best(scores[0], NEAREST);
        const took = performance.now() - started;

        const table = make("table", { class: "ask-table" });
        const head = table.insertRow();
        head.insertCell();
        for (const index of nearest) head.append(make("th", { scope: "col" }, drawing(model, index)));
        texts.forEach((t, i) => {
          const row = table.insertRow();
          row.append(make("th", { scope: "row" }, t));
          for (const index of nearest) {
            row.append(make("td", {}, bar(scores[i][index]), two(scores[i][index])));
          }
        });
        const ids = model.ids(text);
        block.querySelector(".ask-results table").replaceWith(table);
        block.querySelector(".ask-status").textContent = `Nearest to “${text}”: ` +
          nearest.slice(0, 3).map((i) => `${name(model, i)} ${two(scores[0][i])}`).join(", ") +
          ".";
        block.querySelector(".ask-detail").replaceChildren(
          `${ids.length} tokens: `, make("code", {}, model.tokenizer.shown(ids).join(" ")),
          `. ${texts.length} × ${model.pictures.shape[0]} cosines in ${took.toFixed(0)} ms.`,
        );
      });
    };

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer();
    });
    field.addEventListener("input", later(answer));
    for (const button of form.querySelectorAll(".ask-try button")) {
      button.addEventListener("click", () => {
        field.value = button.textContent;
        answer();
      });
    }
  }

  // ---- A picture to labels -----------------------------------------------------------------------

  function labels_block(block) {
    const form = block.querySelector("form");
    const find = form.elements.find;
    const pad = block.querySelector(".ask-pad canvas");
    const seen = block.querySelector(".ask-seen");
    let picture; // {vector, alt, index?, rgba?} of what is asked about

    const labels = () =>
      [...new Set(form.elements.labels.value.split(",").map((label) => label.trim()))]
        .filter(Boolean).slice(0, MOST_LABELS);

    const answer = () => ask(block, (model) => {
      if (!picture) pick(model, model.example);
      const started = performance.now();
      const vector = picture.vector ?? model.clip.encode_image(model.clip.to_tensor(picture.rgba));
      picture.vector = vector;
      const texts = labels();
      const status = block.querySelector(".ask-status");
      if (!texts.length) {
        status.textContent = "Write at least one label.";
        return;
      }
      const scores = texts.map((text) =>
        encode_text(model, text).reduce((sum, value, i) => sum + value * vector[i], 0));
      const shares = mvlm.softmax(scores.map((score) => model.clip.logit_scale * score));
      const like = mvlm.cosines(vector, model.pictures);
      const took = performance.now() - started;

      const table = make("table", { class: "ask-table ask-labels" });
      const head = table.insertRow();
      for (const title of ["label", "cosine", "probability"]) {
        head.append(make("th", { scope: "col" }, title));
      }
      const order = best(shares, texts.length);
      for (const i of order) {
        table.insertRow().append(
          make("th", { scope: "row" }, texts[i]),
          make("td", {}, two(scores[i])),
          make("td", {}, bar(shares[i]), `${(100 * shares[i]).toFixed(1)} %`),
        );
      }
      block.querySelector(".ask-results table").replaceWith(table);
      show(model);
      block.querySelector(".ask-like").replaceChildren(
        make("p", {}, "Fluent’s drawings whose vectors are nearest to this picture’s:"),
        make("p", { class: "ask-row" },
          ...best(like, NEAREST + 1).filter((i) => i !== picture.index).slice(0, NEAREST)
            .map((i) => drawing(model, i))),
      );
      status.textContent = `${picture.alt}: most probably “${texts[order[0]]}”, ` +
        `${Math.round(100 * shares[order[0]])}%.`;
      block.querySelector(".ask-detail").textContent =
        `${texts.length} cosines × ${model.clip.logit_scale.toFixed(1)}, softmax: ${took.toFixed(0)} ms.`;
    });

    // What the model sees, large enough to see it too.
    function show(model) {
      const box = block.querySelector(".ask-shown");
      box.querySelector(".ask-emoji, img")?.remove();
      seen.hidden = picture.index !== undefined;
      if (!seen.hidden) {
        seen.setAttribute("role", "img");
        seen.setAttribute("aria-label", `${picture.alt}, as the model sees it`);
        return;
      }
      box.append(drawing(model, picture.index));
    }

    // ---- an emoji

    function pick(model, index) {
      const { data, shape } = model.pictures;
      picture = {
        index, alt: `Fluent’s ${name(model, index)}`,
        vector: data.subarray(index * shape[1], (index + 1) * shape[1]),
      };
    }

    const look = () => ask(block, (model) => {
      const wanted = find.value.trim().toLowerCase();
      const found = [...model.emoji.keys()]
        .filter((i) => model.emoji[i].some((known) => known.toLowerCase().includes(wanted)))
        .sort((a, b) => name(model, a).length - name(model, b).length).slice(0, FOUND);
      block.querySelector(".ask-picker").replaceChildren(...found.map((index) => {
        const button = make("button", { type: "button", "aria-pressed": "false" }, drawing(model, index));
        button.addEventListener("click", () => {
          for (const other of button.parentElement.children) other.ariaPressed = other === button;
          pick(model, index);
          answer();
        });
        return button;
      }));
      block.querySelector(".ask-status").textContent =
        `${found.length === FOUND ? `The first ${FOUND}` : found.length} emoji found for “${wanted}”.`;
    });
    find.addEventListener("input", later(look));
    form.elements.random.addEventListener("click", () => ask(block, (model) => {
      pick(model, Math.floor(Math.random() * model.emoji.length));
      answer();
    }));

    // ---- a drawing

    // The size comes with the model, so the pad is made when it is first shown.
    function canvas_of_model(canvas, model) {
      [canvas.height, canvas.width] = model.clip.config.image.image_size;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.fillStyle = "#fff"; // what is clear would be black to the model
      context.fillRect(0, 0, canvas.width, canvas.height);
      return context;
    }

    const pixels = (context) =>
      context.getImageData(0, 0, context.canvas.width, context.canvas.height).data;

    function take(model, source, alt) {
      canvas_of_model(seen, model).drawImage(source, 0, 0);
      picture = { rgba: pixels(seen.getContext("2d")), alt };
      answer();
    }

    let pad_context, colour = COLOURS.black, brush;
    const drawn = later(() => load().then((model) => take(model, pad, "Your drawing")));

    function ready_pad(model) {
      pad_context = canvas_of_model(pad, model);
      pad_context.lineCap = pad_context.lineJoin = "round";
      brush = { x: pad.width / 2, y: pad.height / 2 };
      move_brush(brush);
    }

    const thickness = () => Number(block.querySelector(".ask-tools [name^=brush]:checked").value);

    function move_brush({ x, y }) {
      const mark = block.querySelector(".ask-brush");
      mark.style.left = `${(100 * x) / pad.width}%`;
      mark.style.top = `${(100 * y) / pad.height}%`;
    }

    function stroke(from, to) {
      pad_context.strokeStyle = colour;
      pad_context.lineWidth = thickness();
      pad_context.beginPath();
      pad_context.moveTo(from.x, from.y);
      pad_context.lineTo(to.x, to.y + 0.01); // a line of no length would paint nothing
      pad_context.stroke();
      drawn();
    }

    const place = (event) => {
      const box = pad.getBoundingClientRect();
      return {
        x: ((event.clientX - box.left) / box.width) * pad.width,
        y: ((event.clientY - box.top) / box.height) * pad.height,
      };
    };
    pad.addEventListener("pointerdown", (event) => {
      if (!pad_context) return;
      pad.setPointerCapture(event.pointerId);
      brush = place(event);
      stroke(brush, brush);
    });
    pad.addEventListener("pointermove", (event) => {
      if (!pad_context || !pad.hasPointerCapture(event.pointerId)) return;
      const next = place(event);
      stroke(brush, next);
      brush = next;
    });
    const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    pad.addEventListener("keydown", (event) => {
      if (!pad_context || !(event.key === " " || event.key in ARROWS)) return;
      event.preventDefault(); // the page would scroll
      const [right, down] = ARROWS[event.key] ?? [0, 0];
      const inside = (value, size) => Math.min(size, Math.max(0, value));
      const next = { x: inside(brush.x + right, pad.width), y: inside(brush.y + down, pad.height) };
      if (event.shiftKey || event.key === " ") stroke(brush, next);
      brush = next;
      move_brush(brush);
    });
    form.elements.clear.addEventListener("click", () => load().then(ready_pad));

    const colours = block.querySelector(".ask-colours");
    for (const [label, value] of Object.entries(COLOURS)) {
      const input = make("input", {
        type: "radio", name: `colour-${colours.closest(".ask-model").dataset.place}`,
        "aria-label": label, style: `--colour:${value}`,
      });
      input.checked = value === colour;
      input.addEventListener("change", () => (colour = value));
      colours.append(input);
    }

    // ---- a file

    // The whole picture on white, as large as it fits: the model knows squares only.
    async function open(file) {
      const status = block.querySelector(".ask-status");
      const whole = await createImageBitmap(file).catch(() => null);
      if (!whole) {
        status.textContent = `${file.name} is no picture that this browser can read.`;
        return;
      }
      ask(block, (model) => {
        const small = document.createElement("canvas");
        const context = canvas_of_model(small, model);
        const scale = Math.min(small.width / whole.width, small.height / whole.height);
        const [width, height] = [whole.width * scale, whole.height * scale];
        context.imageSmoothingQuality = "high";
        context.drawImage(
          whole, (small.width - width) / 2, (small.height - height) / 2, width, height,
        );
        take(model, small, file.name);
      });
    }
    form.elements.picture.addEventListener("change", (event) => {
      if (event.target.files.length) open(event.target.files[0]);
    });
    block.addEventListener("dragover", (event) => event.preventDefault());
    block.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = [...event.dataTransfer.files].find(({ type }) => type.startsWith("image/"));
      if (file) open(file);
    });

    // ---- all three

    for (const choice of form.querySelectorAll("[name^=source]")) {
      choice.addEventListener("change", () => {
        for (const panel of form.querySelectorAll(".ask-panel")) {
          panel.hidden = panel.dataset.source !== choice.value;
        }
        if (choice.value === "draw" && !pad_context) {
          ask(block, (model) => {
            ready_pad(model);
            block.querySelector(".ask-status").textContent = "The pad is ready: draw something.";
          });
        }
      });
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer();
    });
    form.elements.labels.addEventListener("input", later(answer));
  }

  // ---- Start -------------------------------------------------------------------------------------

  const BLOCKS = { words: words_block, labels: labels_block };
  document.querySelectorAll(".ask-model").forEach((block, place) => {
    const fill = BLOCKS[block.dataset.part];
    if (!fill) return;
    block.dataset.place = place;
    fill(block);
    block.querySelector("form").hidden = false;
    block.querySelector(".ask-alone").remove();
  });

  mvlm.load = load;
})();
