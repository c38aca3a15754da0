// The course's LLaVA in a browser, with no library. Read it beside mvlm/llava.py, mvlm/language.py,
// mvlm/generation.py and mvlm/small/cells.py: the names are the same. CLIP's image tower, and what
// all transformers share, is in clip.js.
//
// Letters: N cells of a picture, W the width of a cell's vector, T tokens, D the width of a token, d
// that of a head, H heads, S tokens that are looked at, V tokens of the vocabulary.
"use strict";
mvlm.part(() => {
  const { tensor, zeros, linear, attend, split, add, row, ACTIVATIONS } = mvlm;
  const IMAGE = "<image>"; // stands in the text where a picture's vectors will be

  // ---- mvlm/language.py ----------------------------------------------------------------------

  // Each token by itself: divided by its root mean square, then its own scale.
  function rms_norm(x, weight, eps) {
    const [tokens, width] = x.shape;
    const y = zeros(tokens, width);
    for (let t = 0; t < tokens; t++) {
      const token = x.data.subarray(t * width, (t + 1) * width);
      const squares = token.reduce((sum, value) => sum + value * value, 0);
      const scale = 1 / Math.sqrt(squares / width + eps);
      for (let i = 0; i < width; i++) y.data[t * width + i] = token[i] * scale * weight.data[i];
    }
    return y; // T D → T D
  }

  // Turn each pair of numbers (i, i + d/2) of a head by its position's angle; the first token
  // stands at position `first`.
  function rotate(x, { head_width, rope_theta }, first) {
    const [tokens, width] = x.shape, half = head_width / 2;
    const y = zeros(tokens, width);
    for (let i = 0; i < half; i++) {
      const frequency = rope_theta ** (-i / half); // radians a token
      for (let t = 0; t < tokens; t++) {
        const cos = Math.cos((first + t) * frequency), sin = Math.sin((first + t) * frequency);
        for (let one = t * width + i; one < (t + 1) * width; one += head_width) {
          const other = one + half;
          y.data[one] = x.data[one] * cos - x.data[other] * sin;
          y.data[other] = x.data[other] * cos + x.data[one] * sin;
        }
      }
    }
    return y; // T H·d → T H·d
  }

  // Keys and values of every token seen so far, so that each step works on the new ones only.
  class KVCache {
    constructor({ depth, heads, head_width }, length) {
      const empty = () => zeros(length, heads * head_width);
      this.memory = Array.from({ length: depth }, () => [empty(), empty()]);
      this.length = 0;
    }

    // Write the new tokens' keys and values; give back all so far: twice S H·d.
    update(layer, ...fresh) {
      const [tokens, width] = fresh[0].shape, end = this.length + tokens;
      return this.memory[layer].map((all, i) => {
        all.data.set(fresh[i].data, this.length * width);
        return tensor(all.data.subarray(0, end * width), end, width);
      });
    }
  }

  class LanguageModel {
    // `state` holds the tensors by the names they have in llava.safetensors.
    constructor(config, state) {
      Object.assign(this, { config, state });
    }

    weight(name) {
      return this.state[`language.${name}.weight`];
    }

    norm(x, name) {
      return rms_norm(x, this.weight(name), this.config.eps);
    }

    attention(x, name, layer, cache, record) {
      const { heads } = this.config;
      const qkv = linear(x, this.weight(`${name}.qkv`)); // T D → T 3·H·d
      const [query, key, value] = split(qkv, 3); // T H·d each
      const turned = (part) => rotate(part, this.config, cache.length);
      const [keys, values] = cache.update(layer, turned(key), value); // S H·d
      const gathered = attend(turned(query), keys, values, heads, true, record);
      return linear(gathered, this.weight(`${name}.out`)); // T H·d → T D
    }

    // down(activation(gate(x)) · up(x)).
    mlp(x, name) {
      const gate = linear(x, this.weight(`${name}.gate`)), up = linear(x, this.weight(`${name}.up`));
      const activation = ACTIVATIONS[this.config.activation];
      gate.data = gate.data.map((value, i) => activation(value) * up.data[i]);
      return linear(gate, this.weight(`${name}.down`));
    }

    // One normalised vector a token. `cache` holds what came before, and takes the new tokens in;
    // for `record` see `attend`: L·H lists.
    hidden(x, cache, record) {
      for (let layer = 0; layer < this.config.depth; layer++) {
        const block = `transformer.blocks.${layer}`;
        const before = this.norm(x, `${block}.norm1`);
        x = add(x, this.attention(before, `${block}.attention`, layer, cache, record));
        x = add(x, this.mlp(this.norm(x, `${block}.norm2`), `${block}.mlp`));
      }
      cache.length += x.shape[0];
      return this.norm(x, "norm"); // T D → T D
    }

    // Scores of the vocabulary: the output layer is the embedding once more.
    logits(hidden) {
      return linear(hidden, this.weight("embedding")); // T D → T V
    }

    embed(ids) {
      const width = this.config.width, x = zeros(ids.length, width);
      ids.forEach((id, t) => x.data.set(row(this.weight("embedding"), id).data, t * width));
      return x; // T → T D
    }

    // ---- mvlm/generation.py

    // The likeliest token, again and again, up to the end token: {id, record} each.
    *stream(embeddings, max_new_tokens, end_id) {
      const cache = new KVCache(this.config, embeddings.shape[0] + max_new_tokens);
      let x = embeddings; // T D the first time, then 1 D
      for (let step = 0; step < max_new_tokens; step++) {
        const record = [];
        const hidden = this.hidden(x, cache, record);
        const scores = this.logits(row(hidden, hidden.shape[0] - 1)).data; // V
        const id = scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
        yield { id, record };
        if (id === end_id) return;
        x = this.embed([id]);
      }
    }
  }

  // ---- mvlm/small/cells.py and mvlm/llava.py --------------------------------------------------

  // A picture's cells in reading order, N of side × side × 4.
  function cut_into_cells(rgba, [rows, columns], side) {
    const stride = columns * side * 4;
    return Array.from({ length: rows * columns }, (_, cell) => {
      const top = Math.floor(cell / columns) * side, left = (cell % columns) * side * 4;
      const bytes = new Uint8Array(side * side * 4);
      for (let y = 0; y < side; y++) {
        const start = (top + y) * stride + left;
        bytes.set(rgba.subarray(start, start + side * 4), y * side * 4);
      }
      return bytes;
    });
  }

  class LLaVA {
    // `clip` and `tokenizer` as mvlm.read gives them; `file` is what llava_weights.js holds, `state`
    // its tensors.
    constructor({ clip, tokenizer }, file, state) {
      Object.assign(this, { clip, tokenizer, file, state });
      this.language = new LanguageModel(file.language, state);
    }

    // Each cell's class token as the tower leaves it, with its row and column beside it.
    encode(rgba) {
      const { grid, places, feature_layer } = this.file, { depth, image_size } = this.clip.config.image;
      const vectors = cut_into_cells(rgba, grid, image_size[0]).map((bytes, cell) => {
        const image = this.clip.to_tensor(bytes); // side side 3
        const state = this.clip.image_state(image, depth + 1 + feature_layer);
        return [...row(state, 0).data, ...places[cell]];
      });
      return tensor(new Float32Array(vectors.flat()), vectors.length, vectors[0].length); // N W
    }

    // A picture (the bytes of its pixels, opaque) as N vectors like those of words.
    features(rgba) {
      const layer = (i, x) =>
        linear(x, this.state[`projector.${i}.weight`], this.state[`projector.${i}.bias`]);
      const x = layer(0, this.encode(rgba)); // N W → N D
      x.data = x.data.map(ACTIVATIONS.gelu);
      return layer(2, x); // N D
    }

    // mvlm/chat.py: a question in the form that the model was trained with.
    prompt(question, with_picture) {
      const written = this.tokenizer.special_in(question);
      if (written.length) throw new Error(`${written[0]} is no word: write it otherwise`);
      const { system, user, assistant } = this.file.chat;
      const image = with_picture ? `${IMAGE}\n` : "";
      const text = `${system}${user}${image}${question}${assistant}`;
      return [this.tokenizer.start_id, ...this.tokenizer.encode(text)];
    }

    // The picture's vectors in the place of its marker.
    splice(ids, features) {
      const place = ids.indexOf(this.tokenizer.added.get(IMAGE));
      if (place < 0) return this.language.embed(ids); // T D
      const width = features.shape[1];
      const words = [ids.slice(0, place), ids.slice(place + 1)].map((some) => this.language.embed(some));
      const data = [words[0], features, words[1]].flatMap((x) => [...x.data]);
      return tensor(new Float32Array(data), data.length / width, width); // T' D
    }

    // The answer to a question about a picture, token by token: {id, text, looked}. `text` is the
    // answer so far. `looked` has a share for each cell: what the place that chose this token took
    // from the cell's vector, as a mean over all heads of all layers. The rest of 1 went to words.
    *answer(features, question) {
      const ids = this.prompt(question, Boolean(features));
      const first = ids.indexOf(this.tokenizer.added.get(IMAGE));
      const said = [];
      const { end_id } = this.tokenizer, { max_new_tokens } = this.file;
      for (const { id, record } of this.language.stream(this.splice(ids, features), max_new_tokens, end_id)) {
        said.push(id);
        const looked = Array.from({ length: features?.shape[0] ?? 0 }, (_, cell) =>
          record.reduce((sum, weights) => sum + weights[first + cell], 0) / record.length);
        yield { id, text: this.tokenizer.decode(said).trim(), looked };
      }
    }
  }

  // What weights.js and llava_weights.js hold, ready to be asked.
  async function read_llava(clip_file, file) {
    return new LLaVA(await mvlm.read(clip_file), file, await mvlm.read_tensors(file));
  }

  // ---- In a worker, so that the page never waits ----------------------------------------------

  // The first message brings the files, each later one {number, rgba, question}; `rgba` is null
  // where no picture shall be shown. Each token of an answer goes back as it comes, and at the end
  // how many milliseconds the picture took and all of it.
  function serve() {
    let model, seen;
    self.onmessage = async ({ data: { files, number, rgba, question } }) => {
      model ??= read_llava(...files);
      if (files) return;
      try {
        const llava = await model, started = performance.now();
        const same = rgba && seen && rgba.every((byte, i) => byte === seen.rgba[i]);
        if (rgba && !same) seen = { rgba, features: llava.features(rgba) };
        const picture = performance.now() - started;
        for (const token of llava.answer(rgba && seen.features, question)) {
          self.postMessage({ number, token });
        }
        self.postMessage({ number, took: { picture, all: performance.now() - started } });
      } catch (error) {
        self.postMessage({ number, error: error.message });
      }
    };
  }

  return { LLaVA, read_llava, serve };
});
