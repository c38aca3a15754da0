// Text to token ids: the course's byte-level BPE. Read it beside mvlm/tokenizer.py, where the
// `tokenizers` library does what is written out here.
"use strict";
mvlm.part(() => {
  // What may be one word: an English contraction, letters, numbers, signs, or white space.
  const WORD =
    /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
  const DIGITS = /\p{N}|\P{N}+/gu; // each digit is a piece of its own
  const LONE_SURROGATE = /\p{Surrogate}/gu;

  // Each of the 256 bytes has a letter: its own where that can be seen, one after "ÿ" otherwise.
  function byte_letters() {
    const seen = (byte) =>
      (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173;
    let next = 256;
    return Array.from({ length: 256 }, (_, byte) =>
      String.fromCharCode(seen(byte) ? byte : next++));
  }

  class Tokenizer {
    // `json` is a tokenizer.json; `start`, `end` are tokens, as in mvlm.
    constructor(json, start, end) {
      this.vocabulary = new Map(Object.entries(json.model.vocab));
      this.ranks = new Map(json.model.merges.map((pair, rank) => [pair.join(" "), rank]));
      this.letters = byte_letters();
      this.added = new Map(json.added_tokens.map((token) => [token.content, token.id]));
      const longest_first = [...this.added.keys()].sort((a, b) => b.length - a.length);
      const quoted = longest_first.map((token) => token.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      this.split_added = new RegExp(`(${quoted.join("|")})`, "u");
      this.start_id = this.added.get(start);
      this.end_id = this.added.get(end);
      this.names = new Map([...this.vocabulary, ...this.added].map(([name, id]) => [id, name]));
      this.special = json.added_tokens.filter((token) => token.special).map((t) => t.content);
      this.bytes = new Map(this.letters.map((letter, byte) => [letter, byte]));
    }

    // The text's own ids, without start and end.
    encode(text) {
      const ids = [];
      for (const part of text.replace(LONE_SURROGATE, "?").split(this.split_added)) {
        if (this.added.has(part)) {
          ids.push(this.added.get(part));
          continue;
        }
        for (const piece of part.match(DIGITS) ?? []) {
          for (const word of piece.match(WORD) ?? []) ids.push(...this.merge(word));
        }
      }
      return ids;
    }

    // One word: its bytes, then the most urgent pair is joined until none is left to join.
    merge(word) {
      const tokens = [...new TextEncoder().encode(word)].map((byte) => this.letters[byte]);
      for (;;) {
        let best = Infinity, place = -1;
        for (let i = 0; i + 1 < tokens.length; i++) {
          const rank = this.ranks.get(`${tokens[i]} ${tokens[i + 1]}`) ?? Infinity;
          if (rank < best) [best, place] = [rank, i];
        }
        if (place < 0) return tokens.map((token) => this.vocabulary.get(token));
        tokens.splice(place, 2, tokens[place] + tokens[place + 1]);
      }
    }

    // One row: start, the text, end. A longer text is cut, its end token kept.
    row(text, length) {
      return [...[this.start_id, ...this.encode(text)].slice(0, length - 1), this.end_id];
    }

    // What each id stands for, to be shown; a space that opens a word is shown as ␣.
    shown(ids) {
      return ids.map((id) => this.names.get(id).replaceAll("Ġ", "␣"));
    }

    // Special tokens written out in a text, which `encode` would take for the tokens.
    special_in(text) {
      return this.special.filter((token) => text.includes(token));
    }

    // Text of the ids; special tokens are left out. A letter with more than one byte may come in
    // more than one token.
    decode(ids) {
      const shown = ids.map((id) => this.names.get(id)).filter((t) => !this.special.includes(t));
      const bytes = shown.flatMap((token) =>
        this.added.has(token) ? [...new TextEncoder().encode(token)]
          : Array.from(token, (letter) => this.bytes.get(letter)));
      return new TextDecoder().decode(new Uint8Array(bytes));
    }
  }

  return { Tokenizer };
});
