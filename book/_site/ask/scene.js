// The blocks where a reader asks LLaVA about a scene: the whole one, and one in small. The model is
// in llava.js and runs in a worker. Its weights, and the drawings, are scripts of their own.
"use strict";
(() => {
  const { make, bring, once } = mvlm;
  const GRID = 3, SIDE = 40, SIZE = GRID * SIDE; // cells a side, pixels of a cell and of a picture
  const PLACES = ["top left", "top middle", "top right", "middle left", "centre", "middle right",
    "bottom left", "bottom middle", "bottom right"];
  const percent = (share) => `${Math.round(100 * share)} %`;

  // ---- The model and the drawings, each once for the page ---------------------------------------

  // A function that asks: the picture's bytes or null, a question, what to do with each token.
  const load_model = once(async () => {
    const files = await Promise.all([
      bring("weights.js", "mvlm_weights"), bring("llava_weights.js", "mvlm_llava"),
    ]);
    const worker = mvlm.start_worker(), waiting = new Map();
    worker.onmessage = ({ data: { number, token, took, error } }) => {
      const { each, resolve, reject } = waiting.get(number);
      if (token) return each(token);
      waiting.delete(number);
      if (error) reject(new Error(error));
      else resolve(took);
    };
    worker.postMessage({ files });
    let asked = 0;
    return (rgba, question, each) => new Promise((resolve, reject) => {
      asked += 1;
      waiting.set(asked, { each, resolve, reject });
      worker.postMessage({ number: asked, rgba, question });
    });
  });

  // The drawings as numbers: `rgba(artist, name)` has side × side × 4 of them.
  const load_drawings = once(async () => {
    const { artists, names, columns, side, sheet } = await bring("drawings.js", "mvlm_drawings");
    const image = make("img", { src: sheet, alt: "" });
    await image.decode();
    const canvas = make("canvas", { width: image.width, height: image.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const rgba = (artist, name) => {
      const place = artists.indexOf(artist) * names.length + names.indexOf(name);
      const x = (place % columns) * side, y = Math.floor(place / columns) * side;
      const [drawn, opacity] = [y, y + image.height / 2].map((top) =>
        context.getImageData(x, top, side, side).data);
      return drawn.map((value, i) => (i % 4 === 3 ? opacity[i - 1] : value));
    };
    return { names, rgba };
  });

  // ---- A picture --------------------------------------------------------------------------------

  // A scene is what an address says of it: {scene: nine names with commas, artist, ground}.

  // Lay a drawing on a picture; as in mvlm/data/canvas.py, to the last bit.
  function lay(picture, drawing, x, y) {
    for (let row = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++) {
        const from = 4 * (row * SIDE + column), to = 4 * ((y + row) * SIZE + x + column);
        const alpha = drawing[from + 3];
        for (let c = 0; c < 3; c++) {
          const under = picture[to + c] * (255 - alpha);
          picture[to + c] = Math.floor((drawing[from + c] * alpha + 127 + under) / 255);
        }
      }
    }
  }

  // The picture's background: two colours, from top to bottom or from left to right.
  function background(ground) {
    const [start, end, way] = ground.split("-");
    const colour = (hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
    const first = colour(start), last = colour(end);
    const picture = new Uint8ClampedArray(SIZE * SIZE * 4).fill(255);
    for (let place = 0; place < SIZE * SIZE; place++) {
      const step = way === "down" ? Math.floor(place / SIZE) : place % SIZE;
      for (let c = 0; c < 3; c++) {
        const sum = first[c] * (SIZE - 1 - step) + last[c] * step;
        picture[4 * place + c] = Math.floor(sum / (SIZE - 1));
      }
    }
    return picture;
  }

  // The bytes of a scene's picture; on the reader's own picture, where there is one.
  async function draw({ scene, artist, ground }, own) {
    const picture = own ? own.slice() : background(ground);
    const things = scene.split(",");
    if (things.some(Boolean)) {
      const { rgba } = await load_drawings();
      things.forEach((name, cell) => {
        if (name) lay(picture, rgba(artist, name), (cell % GRID) * SIDE, Math.floor(cell / GRID) * SIDE);
      });
    }
    return picture;
  }

  function show(canvas, picture) {
    canvas.width = canvas.height = SIZE;
    canvas.getContext("2d").putImageData(new ImageData(picture, SIZE, SIZE), 0, 0);
  }

  const below = (n) => Math.floor(Math.random() * n);
  const pick = (items) => items[below(items.length)];

  function shuffled(items) {
    const pool = [...items];
    pool.forEach((_, i) => {
      const j = i + below(pool.length - i);
      [pool[i], pool[j]] = [pool[j], pool[i]];
    });
    return pool;
  }

  // One to nine things, some of them several times; as mvlm/data/scene.py draws lots.
  function any_scene(names) {
    const things = [], wanted = 1 + below(GRID * GRID);
    for (const name of shuffled(names)) {
      const count = Math.min(wanted - things.length, pick([1, 1, 1, 1, 1, 2, 2, 3, 4]));
      things.push(...Array(count).fill(name));
      if (things.length === wanted) break;
    }
    while (things.length < GRID * GRID) things.push("");
    const light = () => (110 + below(146)).toString(16);
    const colour = () => light() + light() + light();
    return {
      scene: shuffled(things).join(","),
      ground: `${colour()}-${colour()}-${pick(["down", "across"])}`,
    };
  }

  // A wrong picture that is the same for the same scene, or an address would not tell which: the
  // cells in reverse order, each thing replaced by the one that stands half the list away.
  function wrong({ scene, ...rest }, names) {
    const other = (name) => names[(names.indexOf(name) + names.length / 2) % names.length];
    const things = scene.split(",").reverse().map((name) => name && other(name));
    return { ...rest, scene: (things.some(Boolean) ? things : PLACES.map(() => names[0])).join(",") };
  }

  // ---- The whole block --------------------------------------------------------------------------

  function scene_block(block) {
    const form = block.querySelector("form");
    const find = (selector) => block.querySelector(selector);
    const cells = [...block.querySelectorAll(".ask-grid button")];
    const status = find(".ask-status"), said = find(".ask-said"), looked = find(".ask-looked");
    const { name: names_field, question } = form.elements;
    const names = [...names_field.options].map((option) => option.value).filter(Boolean);
    const choices = (name) => form.querySelectorAll(`[name^=${name}]`);
    let state = JSON.parse(block.dataset.state), own = null, selected = 0, asked = 0;

    const things = () => state.scene.split(",");

    // The controls, from what is so.
    function mark() {
      choices("artist").forEach((choice) => (choice.checked = choice.value === state.artist));
      cells.forEach((cell, i) => {
        cell.tabIndex = i === selected ? 0 : -1;
        cell.ariaPressed = i === selected;
        const share = cell.querySelector("span").textContent;
        const thing = things()[i] || (own ? "your picture" : "nothing");
        cell.ariaLabel = `${PLACES[i]}: ${thing}${share && `, ${share}`}`;
      });
      find(".ask-place").textContent = PLACES[selected];
      names_field.value = things()[selected];
    }

    async function render() {
      mark();
      try {
        show(find(".ask-grid canvas"), await draw(state, own));
      } catch (error) {
        say(`The drawings cannot be shown: ${error.message}.`);
      }
    }

    // Another scene: what was said about the one before is no longer true.
    function change(fresh, keep = own) {
      state = { ...state, ...fresh };
      own = keep;
      asked += 1; // an answer under way is no longer wanted
      forget();
      say("");
      note();
      return render();
    }

    // What a screen reader is told when the answer is whole; everybody else sees its words.
    function tell(text) {
      status.classList.add("visually-hidden");
      status.textContent = text;
    }

    function say(text) {
      status.classList.remove("visually-hidden");
      status.textContent = text;
    }

    function forget() {
      said.hidden = find(".ask-got").hidden = true;
      said.replaceChildren();
      look();
      find(".ask-took").textContent = "";
    }

    function put(name) {
      const all = things();
      all[selected] = name;
      change({ scene: all.join(",") });
    }

    // The scene in the page's address. A picture of the reader's own is not in it.
    function note() {
      const address = own ? location.pathname + location.search : `#${new URLSearchParams(state)}`;
      history.replaceState(null, "", address);
    }

    function read_address() {
      const wanted = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
      const parts = (wanted.scene ?? "").split(",");
      const known = parts.length === PLACES.length &&
        parts.every((name) => !name || names.includes(name)) &&
        /^[0-9a-f]{6}-[0-9a-f]{6}-(down|across)$/.test(wanted.ground) &&
        [...choices("artist")].some((choice) => choice.value === wanted.artist);
      if (!known) return false;
      const { scene, artist, ground, ask = "", picture = "right" } = wanted;
      state = { scene, artist, ground, ask, picture };
      question.value = ask;
      choices("picture").forEach((choice) => (choice.checked = choice.value === picture));
      say("Here is the scene of the address. Ask about it.");
      find(".ask-took").textContent = "";
      block.scrollIntoView({ block: "start" });
      return true;
    }

    // ---- where it looked

    // A share for each cell, over the scene; without an argument, nothing.
    function look(word) {
      const most = Math.max(...(word?.looked ?? []));
      find(".ask-grid").classList.toggle("ask-weighed", Boolean(word?.looked.length));
      cells.forEach((cell, i) => {
        cell.querySelector("span").textContent = word?.looked.length ? percent(word.looked[i]) : "";
        cell.style.setProperty("--share", word?.looked.length ? word.looked[i] / most : 0);
      });
      looked.textContent = !word ? "" : `When it chose “${word.text.replace(/\W$/, "")}”, ` + (word.looked.length
        ? `${percent(word.looked.reduce((a, b) => a + b))} of its attention went to the nine cells, ` +
          `most to the ${PLACES[word.looked.indexOf(most)]} (${percent(most)}); the rest went to words.`
        : "it had no picture to look at.");
      mark();
    }

    // One word of the answer: pressed, or reached with Tab, it shows where the model looked.
    function button_of(word, shown) {
      const most = Math.max(...word.looked);
      const label = word.looked.length
        ? `${word.text}: most of its look at the picture went to the ${PLACES[word.looked.indexOf(most)]}, ${percent(most)}`
        : word.text;
      const button = make("button", { type: "button", "aria-label": label, "aria-pressed": "false" }, word.text);
      const choose = () => {
        for (const other of said.querySelectorAll("button")) other.ariaPressed = other === button;
        look(shown);
      };
      button.addEventListener("click", choose);
      button.addEventListener("focus", choose);
      return button;
    }

    // Tokens as words: one begins where a space does. A word's look is the mean of its tokens'.
    function words_of(tokens) {
      const words = [];
      let length = 0;
      for (const { text, looked } of tokens) {
        const piece = text.slice(length);
        length = text.length;
        if (!piece.trim()) continue; // the end token
        if (/^\s/.test(piece) || !words.length) words.push({ text: "", looks: [] });
        words.at(-1).text += piece.trim();
        words.at(-1).looks.push(looked);
      }
      return words.map(({ text, looks }) => ({
        text,
        looked: looks[0].map((_, i) => looks.reduce((sum, one) => sum + one[i], 0) / looks.length),
      }));
    }

    // ---- asking

    async function answer() {
      const text = question.value.trim();
      if (!text) return;
      const kind = form.querySelector("[name^=picture]:checked").value;
      state = { ...state, ask: text, picture: kind };
      asked += 1;
      const mine = asked;
      forget();
      note();
      say("The model is on its way …");
      try {
        const pressed = performance.now();
        const model = await load_model();
        const picture = await draw(state, own);
        const shown = kind === "wrong" ? await draw(wrong(state, names)) : picture;
        if (mine !== asked) return; // something newer was asked meanwhile
        show(find(".ask-grid canvas"), picture);
        find(".ask-got").hidden = kind !== "wrong";
        show(find(".ask-got canvas"), shown);
        say(kind === "none" ? "It reads …" : "It looks at the picture …");
        const tokens = [];
        let first;
        const took = await model(kind === "none" ? null : shown, text, (token) => {
          if (mine !== asked) return;
          first ??= performance.now() - pressed;
          tokens.push(token);
          const words = words_of(tokens);
          said.hidden = false;
          said.replaceChildren(...words.flatMap((word) => [button_of(word, word), " "]));
        });
        if (mine !== asked) return;
        const words = words_of(tokens);
        tell(`“${text}” ${words.map((word) => word.text).join(" ")}`);
        look(words.at(-1));
        find(".ask-took").textContent =
          `${tokens.length} tokens. First word ${Math.round(first)} ms after you asked; in the ` +
          `worker ${Math.round(took.picture)} ms for the picture, ` +
          `${Math.round(took.all - took.picture)} ms for the words. ` +
          "Choose a word to see where the model looked when it chose it: the mean over all heads of all layers.";
      } catch (error) {
        if (mine === asked) say(`The model cannot be asked: ${error.message}.`);
      }
    }

    // ---- mouse, touch and keys

    function select(cell) {
      selected = (cell + PLACES.length) % PLACES.length;
      cells[selected].focus();
      mark();
    }

    const MOVES = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -GRID, ArrowDown: GRID };
    cells.forEach((cell, i) => {
      cell.addEventListener("click", () => select(i));
      cell.addEventListener("keydown", (event) => {
        if (event.key in MOVES) select(selected + MOVES[event.key]);
        else if (event.key === "Delete" || event.key === "Backspace") put("");
        else return;
        event.preventDefault(); // the page would scroll, or go back
      });
    });
    names_field.addEventListener("change", () => put(names_field.value));
    choices("artist").forEach((choice) =>
      choice.addEventListener("change", () => change({ artist: choice.value })));
    choices("picture").forEach((choice) => choice.addEventListener("change", answer));
    form.elements.another.addEventListener("click", () => change(any_scene(names), null));
    form.elements.empty.addEventListener("click", () =>
      change({ scene: PLACES.map(() => "").join(",") }, null));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer();
    });
    for (const button of form.querySelectorAll(".ask-suggested button")) {
      button.addEventListener("click", () => {
        question.value = button.textContent;
        answer();
      });
    }

    // The middle of the reader's picture, as large a square as there is.
    async function open(file) {
      const whole = await createImageBitmap(file).catch(() => null);
      if (!whole) {
        say(`${file.name} is no picture that this browser can read.`);
        return;
      }
      const side = Math.min(whole.width, whole.height);
      const canvas = make("canvas", { width: SIZE, height: SIZE });
      const context = canvas.getContext("2d");
      context.fillStyle = "#fff"; // what is clear would be black to the model
      context.fillRect(0, 0, SIZE, SIZE);
      context.imageSmoothingQuality = "high";
      context.drawImage(
        whole, (whole.width - side) / 2, (whole.height - side) / 2, side, side, 0, 0, SIZE, SIZE,
      );
      await change({ scene: PLACES.map(() => "").join(",") }, context.getImageData(0, 0, SIZE, SIZE).data);
      say(`${file.name} is the scene now. Ask about it.`);
    }
    form.elements.own.addEventListener("change", (event) => {
      if (event.target.files.length) open(event.target.files[0]);
    });
    block.addEventListener("dragover", (event) => event.preventDefault());
    block.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = [...event.dataTransfer.files].find(({ type }) => type.startsWith("image/"));
      if (file) open(file);
    });

    // ---- start: the example's picture stands there already, so nothing is loaded for it

    const example = find(".ask-alone img");
    example.alt = ""; // the cells say it
    find(".ask-grid").prepend(example);
    find(".ask-side").append(find(".ask-answer"));
    block.querySelectorAll(".ask-alone").forEach((part) => part.remove());
    form.hidden = false;
    question.value = state.ask;
    addEventListener("hashchange", () => read_address() && render());
    if (read_address()) render();
    else mark();
  }

  // ---- The small block: one picture, one question, one button -----------------------------------

  mvlm.small = async (block) => {
    const status = block.querySelector(".ask-status"), state = JSON.parse(block.dataset.state);
    status.textContent = "The model is on its way …";
    try {
      const model = await load_model(), picture = await draw(state);
      const said = block.querySelector(".ask-said");
      block.querySelector(".ask-alone")?.remove(); // what was said when the page was built
      const took = await model(picture, state.ask, ({ text }) => {
        said.textContent = text;
      });
      status.textContent =
        `Answered: “${said.textContent}”, in your browser, in ${Math.round(took.all)} ms.`;
    } catch (error) {
      status.textContent = `The model cannot be asked: ${error.message}.`;
    }
  };

  document.querySelectorAll(".ask-model[data-part=scene]").forEach(scene_block);
})();
