// The course's CLIP in a browser, with no library. Read it beside mvlm/clip.py, mvlm/vit.py,
// mvlm/small/stem.py and mvlm/transformer.py: the names are the same, and every size comes from the
// config in the file or from the weights.
//
// A tensor is {data, shape}: numbers row after row, and how many rows and columns.
// Letters: T tokens, D the width of a token, d the width of a head, H×W places of c channels, N
// tokens of a picture, E the width of the shared space.
"use strict";
mvlm.part(() => {
  const tensor = (data, ...shape) => ({ data, shape });
  const zeros = (...shape) => tensor(new Float32Array(shape.reduce((a, b) => a * b)), ...shape);

  // ---- mvlm/transformer.py ------------------------------------------------------------------

  // The error function (Abramowitz and Stegun 1964, formula 7.1.26: wrong by less than 2e-7).
  function erf(x) {
    const t = 1 / (1 + 0.3275911 * Math.abs(x));
    const series =
      ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t +
        0.254829592) * t;
    return Math.sign(x) * (1 - series * Math.exp(-x * x));
  }

  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const ACTIVATIONS = {
    gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
    quick_gelu: (x) => x * sigmoid(1.702 * x),
    gelu_tanh: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
    silu: (x) => x * sigmoid(x),
  };

  // x·Wᵀ + b, W with one row for each number that comes out, as in torch. Four tokens at a time, so
  // that no sum waits for the one before it: a third less time. Beyond the last one it comes again.
  function linear(x, weight, bias) {
    const [tokens, width] = x.shape, rows = weight.shape[0];
    const y = zeros(tokens, rows), from = x.data, to = y.data, factors = weight.data;
    const last = tokens - 1;
    for (let t = 0; t < tokens; t += 4) {
      const u = Math.min(t + 1, last), v = Math.min(t + 2, last), w = Math.min(t + 3, last);
      const a = t * width, b = u * width, c = v * width, d = w * width;
      for (let row = 0; row < rows; row++) {
        let p = bias ? bias.data[row] : 0, q = p, r = p, s = p;
        for (let i = 0, place = row * width; i < width; i++, place++) {
          const factor = factors[place];
          p += from[a + i] * factor;
          q += from[b + i] * factor;
          r += from[c + i] * factor;
          s += from[d + i] * factor;
        }
        to[t * rows + row] = p;
        to[u * rows + row] = q;
        to[v * rows + row] = r;
        to[w * rows + row] = s;
      }
    }
    return y; // T D_in → T D_out
  }

  // Each token by itself: mean 0 and variance 1, then its own scale and offset.
  function layer_norm(x, weight, bias, eps) {
    const [tokens, width] = x.shape;
    const y = zeros(tokens, width);
    for (let t = 0; t < tokens; t++) {
      const token = x.data.subarray(t * width, (t + 1) * width);
      const mean = token.reduce((sum, value) => sum + value, 0) / width;
      const variance = token.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
      const scale = 1 / Math.sqrt(variance + eps);
      for (let i = 0; i < width; i++) {
        y.data[t * width + i] = (token[i] - mean) * scale * weight.data[i] + bias.data[i];
      }
    }
    return y; // T D → T D
  }

  function softmax(scores) {
    const largest = Math.max(...scores); // or the exponential of a large score is infinite
    const powers = Array.from(scores, (score) => Math.exp(score - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }

  // The columns of x in equal parts: T 3·D → T D, three times.
  function split(x, parts) {
    const [tokens, columns] = x.shape, width = columns / parts;
    return Array.from({ length: parts }, (_, part) => {
      const y = zeros(tokens, width);
      for (let t = 0; t < tokens; t++) {
        const start = t * columns + part * width;
        y.data.set(x.data.subarray(start, start + width), t * width);
      }
      return y;
    });
  }

  // softmax(Q Kᵀ / √d) V, head by head. `causal` hides the tokens that come later; the last query
  // stands at the last key. `record`, a list, receives what the last query takes from each key, a
  // list of S shares for each head.
  function attend(query, key, value, heads, causal, record) {
    const [tokens, width] = query.shape, keys = key.shape[0]; // T H·d, twice S H·d
    const head_width = width / heads;
    const y = zeros(tokens, width);
    for (let head = 0; head < heads; head++) {
      const at = (t) => t * width + head * head_width;
      for (let t = 0; t < tokens; t++) {
        const visible = causal ? keys - tokens + t + 1 : keys;
        const scores = new Float32Array(visible); // one for each visible key
        for (let s = 0; s < visible; s++) {
          let sum = 0;
          for (let i = 0; i < head_width; i++) sum += query.data[at(t) + i] * key.data[at(s) + i];
          scores[s] = sum / Math.sqrt(head_width);
        }
        const weights = softmax(scores);
        weights.forEach((weight, s) => {
          for (let i = 0; i < head_width; i++) y.data[at(t) + i] += weight * value.data[at(s) + i];
        });
        if (t === tokens - 1) record?.push(weights);
      }
    }
    return y; // T H·d
  }

  const add = (x, y) => tensor(x.data.map((value, i) => value + y.data[i]), ...x.shape);

  // x = x + attention(norm1(x)), then x = x + mlp(norm2(x)).
  function block(x, weights, config, causal) {
    const norm = (name, x) =>
      layer_norm(x, weights(`${name}.weight`), weights(`${name}.bias`), config.eps);
    const project = (name, x) => linear(x, weights(`${name}.weight`), weights(`${name}.bias`));

    const qkv = project("attention.qkv", norm("norm1", x)); // T D → T 3·D
    const gathered = attend(...split(qkv, 3), config.heads, causal); // T D
    x = add(x, project("attention.out", gathered)); // T D
    const up = project("mlp.up", norm("norm2", x)); // T D → T 4·D
    up.data = up.data.map(ACTIVATIONS[config.activation]);
    return add(x, project("mlp.down", up)); // T 4·D → T D
  }

  // ---- mvlm/small/stem.py -------------------------------------------------------------------

  // Pictures are H W c here: place after place, the channels of each together.

  const relu = (x) => tensor(x.data.map((value) => Math.max(0, value)), ...x.shape);

  // What a 3×3 convolution sees at every `stride`th place, zeros beyond the edge; each row in the
  // order (c, h, w), as the weights have it. So the convolution is one product.
  function neighbours(x, stride) {
    const [height, width, channels] = x.shape;
    const rows = height / stride, columns = width / stride;
    const y = zeros(rows * columns, channels * 9);
    let next = 0;
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        for (let c = 0; c < channels; c++)
          for (let h = i * stride - 1; h < i * stride + 2; h++)
            for (let w = j * stride - 1; w < j * stride + 2; w++, next++)
              if (h >= 0 && h < height && w >= 0 && w < width)
                y.data[next] = x.data[(h * width + w) * channels + c];
    return y; // H W c → H'·W' 9·c
  }

  function convolve(x, weight, stride) {
    const [height, width] = x.shape;
    const { data } = linear(neighbours(x, stride), weight);
    return tensor(data, height / stride, width / stride, weight.shape[0]); // H W c → H' W' c'
  }

  // Each square of 2×2 places becomes its mean.
  function halve(x) {
    const [height, width, channels] = x.shape;
    const y = zeros((height / 2) * (width / 2), channels);
    for (let h = 0; h < height; h++)
      for (let w = 0; w < width; w++)
        for (let c = 0, place = (h >> 1) * (width / 2) + (w >> 1); c < channels; c++)
          y.data[place * channels + c] += x.data[(h * width + w) * channels + c] / 4;
    return y; // H W c → H/2·W/2 c
  }

  // Some channels at all places together: mean 0 and variance 1; then each channel its own scale
  // and offset.
  function group_norm(x, weight, bias, { groups, eps }) {
    const channels = x.shape[2], size = channels / groups;
    const y = tensor(new Float32Array(x.data.length), ...x.shape);
    for (let first = 0; first < channels; first += size) {
      let count = 0, sum = 0, squares = 0;
      const each = (work) => {
        for (let place = 0; place < x.data.length; place += channels)
          for (let c = first; c < first + size; c++) work(x.data[place + c], place + c, c);
      };
      each((value) => { sum += value; count += 1; });
      const mean = sum / count;
      each((value) => { squares += (value - mean) ** 2; });
      const scale = 1 / Math.sqrt(squares / count + eps);
      each((value, i, c) => {
        y.data[i] = (value - mean) * scale * weight.data[c] + bias.data[c];
      });
    }
    return y; // H W c → H W c
  }

  // ---- mvlm/vit.py and mvlm/clip.py ---------------------------------------------------------

  const row = (x, t) => {
    const width = x.shape[1];
    return tensor(x.data.subarray(t * width, (t + 1) * width), 1, width);
  };

  const normalise_length = (x) => {
    const length = Math.hypot(...x.data);
    return x.data.map((value) => value / length);
  };

  class CLIP {
    // `state` holds the tensors by the names they have in clip.safetensors.
    constructor(config, state, { mean, std }) {
      Object.assign(this, { config, state, mean, std });
      this.logit_scale = Math.exp(state["logit_scale"].data[0]);
    }

    blocks(x, tower, config, causal) {
      for (let layer = 0; layer < config.depth; layer++) {
        const weights = (name) => this.state[`${tower}.transformer.blocks.${layer}.${name}`];
        x = block(x, weights, config, causal);
      }
      return x; // T D → T D
    }

    norm(x, name, config) {
      return layer_norm(x, this.state[`${name}.weight`], this.state[`${name}.bias`], config.eps);
    }

    // The bytes of a picture (H W 4, opaque) as the image tower wants them: H W 3, normalised.
    to_tensor(rgba) {
      const [height, width] = this.config.image.image_size;
      const image = zeros(height, width, 3);
      for (let i = 0; i < height * width; i++) {
        for (let c = 0; c < 3; c++) {
          image.data[3 * i + c] = (rgba[4 * i + c] / 255 - this.mean[c]) / this.std[c];
        }
      }
      return image; // H W 4 → H W 3
    }

    group_norm(x, name) {
      const weight = this.state[`${name}.weight`], bias = this.state[`${name}.bias`];
      return group_norm(x, weight, bias, this.config.stem);
    }

    // Two convolutions, and a shortcut beside them.
    residual(x, name) {
      const weight = (part) => this.state[`${name}.${part}.weight`];
      const beside = linear(halve(x), weight("shortcut")); // H W c → H/2·W/2 c'
      x = convolve(x, weight("first"), 2); // H W c → H/2 W/2 c'
      x = relu(this.group_norm(x, `${name}.first_norm`));
      x = this.group_norm(convolve(x, weight("second"), 1), `${name}.second_norm`);
      return relu(add(x, beside)); // H/2 W/2 c'
    }

    // Convolutions, which halve height and width three times, then one token for each place.
    stem(image) {
      const name = "image.patches", { state } = this;
      let x = convolve(image, state[`${name}.first.weight`], 2); // H W 3 → H/2 W/2 c
      x = relu(this.group_norm(x, `${name}.norm`));
      for (const block of [0, 1]) x = this.residual(x, `${name}.blocks.${block}`); // H/8 W/8 c'
      const places = tensor(x.data, x.shape[0] * x.shape[1], x.shape[2]);
      return linear(places, state[`${name}.projection.weight`], state[`${name}.projection.bias`]);
    }

    // Class token and the stem's tokens with their positions added.
    embed_image(image) {
      const patches = this.stem(image); // H W 3 → N D
      const tokens = zeros(patches.shape[0] + 1, patches.shape[1]); // 1+N D
      tokens.data.set(this.state["image.class_token"].data);
      tokens.data.set(patches.data, patches.shape[1]);
      return add(tokens, this.state["image.positions"]);
    }

    // Each token's vector plus that of its place.
    embed_text(ids) {
      const tokens = zeros(ids.length, this.config.text.width); // T D
      ids.forEach((id, t) => {
        tokens.data.set(row(this.state["text.tokens.weight"], id).data, t * tokens.shape[1]);
      });
      return add(tokens, this.state["text.positions"]); // the first T of its rows
    }

    // The tokens of a picture after so many blocks.
    image_state(image, depth) {
      const config = this.config.image;
      let x = this.embed_image(image); // H W 3 → 1+N D
      if (config.pre_norm) x = this.norm(x, "image.pre_norm", config);
      return this.blocks(x, "image", { ...config, depth }, false); // 1+N D
    }

    // A picture's vector in the shared space, of length 1.
    encode_image(image) {
      const config = this.config.image;
      const x = this.image_state(image, config.depth); // H W 3 → 1+N D
      const class_token = this.norm(row(x, 0), "image.norm", config); // 1 D
      return normalise_length(linear(class_token, this.state["image_projection.weight"])); // E
    }

    // A text's vector in the shared space, of length 1: what stands at its first end-of-text
    // token. The mask is causal, so that token has seen the whole text and nothing after it.
    encode_text(ids) {
      const config = this.config.text;
      const place = ids.indexOf(config.eot_id);
      let x = this.embed_text(ids.slice(0, place + 1)); // T → T D
      x = this.blocks(x, "text", config, true);
      const end = this.norm(row(x, place), "text.norm", config); // 1 D
      return normalise_length(linear(end, this.state["text_projection.weight"])); // E
    }
  }

  // Vectors of length 1 have their cosine as product: one for each row of `table`.
  function cosines(vector, table) {
    return linear(tensor(vector, 1, vector.length), table).data; // E, (K, E) → K
  }

  // ---- The file ------------------------------------------------------------------------------

  async function gunzip(base64) {
    const letters = atob(base64), bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  // Tensors by name. A matrix, or a convolution's weights with a row for each channel that comes
  // out, is stored as whole numbers of 16 bits and one step a row, which multiplies them; a list of
  // numbers as it is. First all floats, then all low bytes, all high ones.
  async function read_tensors({ tensors, data }) {
    const buffer = await gunzip(data);
    const count = (shape) => shape.reduce((a, b) => a * b, 1);
    const is_matrix = (shape) => shape.length > 1;
    const all = Object.entries(tensors);
    const floats = all.reduce((n, [, s]) => n + (is_matrix(s) ? s[0] : count(s)), 0);
    const whole = all.reduce((n, [, s]) => n + (is_matrix(s) ? count(s) : 0), 0);
    const low = new Uint8Array(buffer, 4 * floats, whole);
    const high = new Int8Array(buffer, 4 * floats + whole, whole);
    const state = {};
    let float = 0, next = 0;
    for (const [name, shape] of all) {
      const steps = new Float32Array(buffer, 4 * float, is_matrix(shape) ? shape[0] : count(shape));
      float += steps.length;
      if (!is_matrix(shape)) {
        state[name] = tensor(steps, ...shape);
        continue;
      }
      const matrix = zeros(...shape), rows = shape[0], columns = count(shape) / rows;
      for (let r = 0, i = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++, i++, next++) {
          matrix.data[i] = (high[next] * 256 + low[next]) * steps[r];
        }
      }
      state[name] = matrix;
    }
    return state;
  }

  // What weights.js holds, ready to be asked.
  async function read(file) {
    const { pictures, ...state } = await read_tensors(file);
    const clip = new CLIP(file.model, state, file.normalise);
    const { start, end, ...json } = file.tokenizer;
    const tokenizer = new mvlm.Tokenizer(json, start, end);
    const ids = (text) => tokenizer.row(text, clip.config.text.context_length);
    const { emoji, columns, example } = file;
    return { clip, tokenizer, ids, pictures, emoji, columns, example };
  }

  return {
    CLIP, ACTIVATIONS, cosines, softmax, read, read_tensors, tensor, zeros, linear, attend, split, add,
    row,
  };
});
