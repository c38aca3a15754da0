"""Text to token ids and back: CLIP's byte-level BPE, the course's own, and any from the hub.

Chapters 06 and 08. The merging itself is the `tokenizers` library's; what is ours is which pieces
are put together, and one small interface for all of them: `encode`, `decode`, and calling the
tokenizer on texts for a padded tensor.

Sources: Sennrich et al. 2016 (BPE); Radford et al. 2019, section 2.2 (on bytes); Radford et al.
2021 and openai/CLIP `simple_tokenizer.py` (CLIP's lower case and `</w>`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Int
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend
from torch import Tensor

PAD, START, END, IMAGE = "<pad>", "<start>", "<end>", "<image>"
# Molmo's: where a picture starts and ends, one for each place in it, and the end of a row.
IM_START, IM_END, IM_PATCH, IM_COL = "<im_start>", "<im_end>", "<im_patch>", "<im_col>"
SPECIAL_TOKENS = (PAD, START, END, IMAGE, IM_START, IM_END, IM_PATCH, IM_COL)
# Ordinary text, yet one token each, so that a point costs few of them.
POINT_TOKENS = ("<points", "</points>", "<point", "</point>", ' alt="')


class Tokenizer:
    """Text to ids and back, around a `tokenizers.Tokenizer`.

    Args:
        backend: what splits and merges. A post-processor that adds tokens is left aside, and
            stored padding and truncation are switched off: both are this class's business.
        start: the token before every text, or None.
        end: the token after every text: end of text, where generation stops.
        pad: the token that fills a batch; left out, `end`.
        ends: further tokens at which generation stops; `end_ids` has all of them.
        length: most tokens of one row, start and end included; None for no bound.

    Raises:
        ValueError: one of those tokens is not in the vocabulary.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        end: str,
        start: str | None = None,
        pad: str | None = None,
        ends: Sequence[str] = (),
        length: int | None = None,
    ) -> None:
        if backend.padding or backend.truncation:  # what it remembers of its last use
            backend.no_padding()
            backend.no_truncation()
        self.backend = backend
        self.start, self.end, self.pad = start, end, pad or end
        self.length = length
        self.start_id = None if start is None else self.token_id(start)
        self.end_id = self.token_id(end)
        self.pad_id = self.token_id(self.pad)
        self.end_ids = tuple(dict.fromkeys([self.end_id, *map(self.token_id, ends)]))
        self._marker_ids: dict[str, tuple[Backend, int]] = {}

    @property
    def vocab_size(self) -> int:
        """Number of tokens, special ones included: the rows an embedding needs."""
        return self.backend.get_vocab_size(with_added_tokens=True)

    def token_id(self, token: str) -> int:
        """The id of one token, written exactly as it stands in the vocabulary."""
        found = self.backend.token_to_id(token)
        if found is None:
            raise ValueError(
                f"the token {token!r} is not among this tokenizer's {self.vocab_size}: "
                "pass one that is, or train the tokenizer with it"
            )
        return found

    def encode(self, text: str) -> list[int]:
        """The text's own tokens, without start and end; special tokens written in it count."""
        return self.backend.encode(_checked(text), add_special_tokens=False).ids

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """As `encode`, with the (first, last + 1) characters that each token stands for."""
        encoding = self.backend.encode(_checked(text), add_special_tokens=False)
        return encoding.ids, encoding.offsets

    def encode_around(
        self, text: str, marker: str
    ) -> tuple[list[int | None], list[tuple[int, int]]]:
        """As `encode_with_offsets`, with None wherever `marker` stands in the text.

        The text is one text to the tokenizer: what differs at a text's beginning, such as the sign
        for a space in Llama's, does not come again after each marker.
        """
        if marker not in text:
            return self.encode_with_offsets(text)
        if marker not in self._marker_ids:
            self._marker_ids[marker] = self._with_marker(marker)
        backend, marker_id = self._marker_ids[marker]
        encoding = backend.encode(_checked(text), add_special_tokens=False)
        return [None if i == marker_id else i for i in encoding.ids], encoding.offsets

    def _with_marker(self, marker: str) -> tuple[Backend, int]:
        """A backend that keeps the marker whole, and its id: this one, if it knows the marker."""
        backend = self.backend
        known = {token.content for token in backend.get_added_tokens_decoder().values()}
        if marker not in known:
            backend = Backend.from_str(backend.to_str())
            backend.add_special_tokens([marker])
        return backend, backend.token_to_id(marker)

    def special_in(self, text: str) -> list[str]:
        """Special tokens written out in a text, which `encode` would take for the tokens."""
        return [token for token in self.special_tokens if token in text]

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """Start, end, padding, and all others that never stand for text."""
        added = self.backend.get_added_tokens_decoder().values()
        own = [token for token in (self.start, self.end, self.pad) if token is not None]
        return tuple(dict.fromkeys([*own, *(t.content for t in added if t.special)]))

    def decode(self, ids: Iterable[int], *, skip_special: bool = True) -> str:
        """Text of the ids; start, end, padding and other special tokens are left out."""
        ids = [int(i) for i in ids]
        wrong = [i for i in ids if not 0 <= i < self.vocab_size]
        if wrong:
            raise ValueError(
                f"token id {wrong[0]} is outside this tokenizer's 0 to {self.vocab_size - 1}: "
                "take out markers such as −200 before decoding"
            )
        return self.backend.decode(ids, skip_special_tokens=skip_special)

    def __call__(
        self, texts: str | Sequence[str], *, length: int | None = None
    ) -> Int[Tensor, "batch length"]:
        """Texts as rows of one tensor: start, the text, end, padding on the right.

        Args:
            texts: one text or several.
            length: of every row; a longer text is cut, its end token kept. Left out, it is the
                tokenizer's own `length`, or else that of the longest text.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not texts:
            raise ValueError("no text came: pass at least one")
        length = self.length if length is None else length
        start = [] if self.start_id is None else [self.start_id]
        if length is not None and length <= len(start) + 1:
            raise ValueError(f"length {length} leaves no room for text: pass at least 3")
        rows = [start + self.encode(text) for text in texts]
        rows = [row[: length - 1] if length is not None else row for row in rows]
        return pad_rows([[*row, self.end_id] for row in rows], self.pad_id, length=length)[0]

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        vocab_size: int = 1024,
        special_tokens: Sequence[str] = SPECIAL_TOKENS,
        point_tokens: Sequence[str] = POINT_TOKENS,
    ) -> Tokenizer:
        """Learn a byte-level BPE from texts: the course's own tokenizer.

        Any text survives `decode(encode(text))`. Each digit is a token of its own, so that 74.3
        is spelt the same way wherever it stands.

        Args:
            texts: what to learn from, read once.
            vocab_size: number of tokens at most; the 256 bytes and the special tokens need theirs.
            special_tokens: never split and never shown; `<pad>`, `<start>` and `<end>` must be in.
            point_tokens: never split, but shown: text that is worth one token.
        """
        needed = 256 + len(special_tokens) + len(point_tokens)
        if vocab_size < needed:
            raise ValueError(
                f"vocab_size {vocab_size} is too small for 256 bytes and the special tokens: "
                f"pass at least {needed}"
            )
        backend = Backend(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        backend.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - len(point_tokens),
            special_tokens=list(special_tokens),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        backend.train_from_iterator(texts, trainer)
        backend.add_tokens([AddedToken(token, normalized=False) for token in point_tokens])
        return cls(backend, start=START, end=END, pad=PAD)

    def save(self, path: str | os.PathLike) -> None:
        """Write everything into one json file, which `tokenizers` reads too."""
        Path(path).write_text(self.backend.to_str(pretty=False), encoding="utf-8")

    @classmethod
    def load(
        cls,
        path: str | os.PathLike,
        *,
        start: str | None = START,
        end: str = END,
        pad: str | None = PAD,
        length: int | None = None,
    ) -> Tokenizer:
        """Read a tokenizer.json; the defaults are the course's own special tokens.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no tokenizer, or lacks one of the tokens.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no tokenizer at {path}: check the name")
        try:
            backend = Backend.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise ValueError(
                f"{Path(path).name} is no tokenizer ({error}): pass a tokenizer.json"
            ) from error
        return cls(backend, start=start, end=end, pad=pad, length=length)


class CLIPTokenizer(Tokenizer):
    """CLIP's: lower case, bytes, 49,152 pieces of words, and 77 tokens a text.

    Text is brought to Unicode NFC, runs of white space become one space, and capitals small ones.
    Words, single digits and runs of signs are then merged by themselves, the last piece of each
    marked `</w>`. It equals transformers' tokenizer to the id; OpenAI's own also repairs broken
    Unicode (ftfy) and resolves HTML entities first.

    Args:
        vocabulary: token → id, as in `vocab.json`.
        merges: pairs to join, the most urgent first, as in `merges.txt`.
        length: tokens of a row, 77 for every released CLIP.
        later: tokens of the vocabulary that were added after training, never split.
    """

    START, END = "<|startoftext|>", "<|endoftext|>"
    # What may be one word: an English contraction, letters, one digit, or signs.
    _WORD = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"

    def __init__(
        self,
        vocabulary: dict[str, int],
        merges: Sequence[tuple[str, str]],
        *,
        length: int = 77,
        later: Sequence[AddedToken] = (),
    ) -> None:
        missing = [token for token in (self.START, self.END) if token not in vocabulary]
        if missing:
            raise ValueError(
                f"the vocabulary has no {missing[0]}: pass the vocab.json of a CLIP model"
            )
        backend = Backend(
            models.BPE(
                vocab=vocabulary,
                merges=list(merges),
                end_of_word_suffix="</w>",
                unk_token=self.END,
            )
        )
        backend.normalizer = normalizers.Sequence(
            [
                normalizers.NFC(),
                normalizers.Replace(Regex(r"\s+"), " "),
                normalizers.Lowercase(),
            ]
        )
        specials = "|".join(token.replace("|", r"\|") for token in (self.START, self.END))
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(
                    Regex(f"{specials}|{self._WORD}"), behavior="removed", invert=True
                ),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        backend.decoder = decoders.ByteLevel()
        backend.add_special_tokens([self.START, self.END])
        backend.add_tokens(list(later))
        super().__init__(backend, start=self.START, end=self.END, length=length)

    def decode(self, ids: Iterable[int], *, skip_special: bool = True) -> str:
        """Text of the ids, in small letters, with one space after each word."""
        return super().decode(ids, skip_special=skip_special).replace("</w>", " ").strip()

    @classmethod
    def from_files(
        cls, vocabulary: str | os.PathLike, merges: str | os.PathLike, *, length: int = 77
    ) -> CLIPTokenizer:
        """Read `vocab.json` and `merges.txt`, the files beside every CLIP on the hub."""
        return cls(*read_pieces(vocabulary, merges), length=length)


def read_pieces(
    vocabulary: str | os.PathLike, merges: str | os.PathLike
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """What `vocab.json` and `merges.txt` hold: token → id, and the pairs to join.

    Raises:
        FileNotFoundError: one of them is not there. ValueError: a line is no pair.
    """
    for path in (vocabulary, merges):
        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no {path}: pass vocab.json and merges.txt")
    lines = Path(merges).read_text(encoding="utf-8").split("\n")
    if lines and lines[0].startswith("#version"):
        lines = lines[1:]
    pairs = [tuple(line.split()) for line in lines if line.strip()]
    wrong = [pair for pair in pairs if len(pair) != 2]
    if wrong:
        raise ValueError(
            f"the merges hold {' '.join(wrong[0])!r}, which is no pair: "
            "pass merges.txt, two pieces a line"
        )
    return json.loads(Path(vocabulary).read_text(encoding="utf-8")), pairs


def pad_rows(
    rows: Sequence[Sequence[int]],
    pad_id: int,
    *,
    side: str = "right",
    length: int | None = None,
) -> tuple[Int[Tensor, "batch length"], Bool[Tensor, "batch length"]]:
    """Rows of different lengths as one tensor, and a mask that is True on what is no padding.

    Args:
        rows: token ids, a list each.
        pad_id: what fills the gaps.
        side: "right" to train, "left" to generate, so that every row ends at the same place.
        length: of the result; left out, that of the longest row.
    """
    if side not in ("left", "right"):
        raise ValueError(f"side {side!r} is not known: choose left or right")
    longest = max((len(row) for row in rows), default=0)
    length = longest if length is None else length
    if longest > length:
        raise ValueError(f"a row has {longest} tokens, more than length {length}: cut it first")
    ids = torch.full((len(rows), length), pad_id, dtype=torch.long)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for i, row in enumerate(rows):
        here = slice(0, len(row)) if side == "right" else slice(length - len(row), length)
        ids[i, here] = torch.tensor(list(row), dtype=torch.long)
        mask[i, here] = True
    return ids, mask


def _checked(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"the text is a {type(text).__name__}: pass a str")
    return text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no text
