"""The tokenizer of a folder: its pieces, the tokens added beside them, and where an answer ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken

from mvlm.hub.reading import Config, WeightsError, read_json
from mvlm.tokenizer import Tokenizer

# What else may stand in an entry for an added token, beside its text and its number.
MARKS = ("single_word", "lstrip", "rstrip", "normalized", "special")
ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
MORE_SPECIAL = ("additional_special_tokens", "extra_special_tokens")
NESTED = ("text_config", "language_config")


def read_tokenizer(folder: Path, config: Config) -> Tokenizer | None:
    """The folder's `tokenizer.json` with its start, end and padding tokens; None without one.

    The start token is the one that the tokenizer itself puts before a text. Generation ends at the
    tokenizer's end token and at those of `generation_config.json`, or else of `config.json`.

    Raises:
        WeightsError: it is no tokenizer, puts more than one token before a text, or does not say
            where a text ends.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    try:
        backend = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise WeightsError(
            f"{path.name} in {folder.name} is no tokenizer ({error}): fetch or save it again"
        ) from error
    backend.no_padding()  # of the last call before it was saved
    backend.no_truncation()
    add_tokens_(backend, added_tokens(folder))
    named = names_of_roles(folder)
    backend.add_special_tokens([t for t in special_names(folder) if backend.token_to_id(t) is None])
    ends = [token for i in end_ids(folder, config) if (token := backend.id_to_token(i)) is not None]
    end = named.get("eos_token") or (ends[0] if ends else None)
    if end is None:
        raise WeightsError(
            f"{folder.name} does not say which token ends a text: set eos_token in "
            f"tokenizer_config.json"
        )
    start = start_token(backend, path)
    return Tokenizer(backend, start=start, end=end, pad=named.get("pad_token") or end, ends=ends)


def names_of_roles(folder: Path) -> dict[str, str]:
    """Which token begins a text, ends it, fills a batch: {"eos_token": "</s>", …}."""
    entries = _special(folder)
    named = {role: _text(entries[role]) for role in ROLES if role in entries}
    return {role: text for role, text in named.items() if text is not None}


def special_names(folder: Path) -> list[str]:
    """Every token that the folder names as special, whether the tokenizer has it or not."""
    entries = _special(folder)
    lists = (entries[name] for name in MORE_SPECIAL if isinstance(entries.get(name), list))
    more = (text for each in lists for entry in each if (text := _text(entry)) is not None)
    return list(dict.fromkeys([*names_of_roles(folder).values(), *more]))


def _special(folder: Path) -> dict[str, Any]:
    files = ("special_tokens_map.json", "tokenizer_config.json")
    return {k: v for name in files for k, v in (read_json(folder, name) or {}).items() if v}


def start_token(backend: tokenizers.Tokenizer, path: Path) -> str | None:
    """The token that the tokenizer's own post-processor puts before a text, or None."""
    bare = backend.encode("a", add_special_tokens=False).ids
    whole = backend.encode("a").ids
    starts = [i for i in range(len(whole)) if whole[i : i + len(bare)] == bare]
    before = whole[: starts[-1]] if bare and starts else whole[:1]
    if len(before) > 1:
        raise WeightsError(
            f"{path.name} puts {len(before)} tokens before a text, mvlm's Tokenizer one: make a "
            f"mvlm.tokenizer.Tokenizer by hand"
        )
    return backend.id_to_token(before[0]) if before else None


def end_ids(folder: Path, config: Config) -> list[int]:
    """The tokens at which transformers' `generate` stops, one or several; none where none is said.

    Raises:
        WeightsError: they are no numbers of tokens.
    """
    said = (read_json(folder, "generation_config.json") or {}).get("eos_token_id")
    for part in (config, *(config.get(name) or {} for name in NESTED)):
        if said is None and isinstance(part, dict):
            said = part.get("eos_token_id")
    ids = said if isinstance(said, list) else [] if said is None else [said]
    if not all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in ids):
        raise WeightsError(
            f"eos_token_id is {said!r}, wanted the number of a token or a list of numbers: fetch "
            f"or save generation_config.json and config.json again"
        )
    return ids


def added_tokens(folder: Path) -> dict[int, AddedToken]:
    """Tokens beside the vocabulary by number, as learnt later or named for a role.

    They stand in `tokenizer.json` itself, and in `tokenizer_config.json`, or in files of earlier
    years in `added_tokens.json`; each later file only adds what the earlier ones do not have.

    Raises:
        WeightsError: an entry is none, or two tokens have one number.
    """
    found: dict[int, AddedToken] = {}
    for number, token, source in _entries(folder):
        before = found.setdefault(number, token)
        if before.content != token.content:
            raise WeightsError(
                f"{source} has {token.content!r} as token {number}, which is {before.content!r} "
                f"elsewhere in {folder.name}: save the tokenizer again"
            )
    return found


def _entries(folder: Path) -> Iterator[tuple[int, AddedToken, str]]:
    whole = (read_json(folder, "tokenizer.json") or {}).get("added_tokens") or []
    for entry in whole:
        yield (*_added(entry, entry.get("id"), "tokenizer.json"), "tokenizer.json")
    config = read_json(folder, "tokenizer_config.json") or {}
    decoder = config.get("added_tokens_decoder")
    if decoder:
        for number, entry in decoder.items():
            source = "tokenizer_config.json"
            yield (*_added(entry, number, source), source)
        return
    special = special_names(folder)
    for content, number in (read_json(folder, "added_tokens.json") or {}).items():
        entry = {"content": content, "special": content in special}
        entry["normalized"] = not entry["special"]
        yield (*_added(entry, number, "added_tokens.json"), "added_tokens.json")


def _added(entry: Any, number: Any, source: str) -> tuple[int, AddedToken]:
    content = entry.get("content") if isinstance(entry, dict) else None
    if not isinstance(content, str) or not content or not str(number).isdecimal():
        raise WeightsError(
            f"{source} adds the token {str(entry)[:60]} as number {number!r}, wanted a text and a "
            f"number: save the tokenizer again"
        )
    marks = {name: entry[name] for name in MARKS if isinstance(entry.get(name), bool)}
    return int(number), AddedToken(content, **marks)


def add_tokens_(backend: tokenizers.Tokenizer, added: dict[int, AddedToken]) -> None:
    """Put in those that the tokenizer does not have yet, and see that each has its number.

    Raises:
        WeightsError: a number is not the next free one, or is another token's.
    """
    for number, token in sorted(added.items()):
        if backend.token_to_id(token.content) is None:
            backend.add_tokens([token])
        came = backend.token_to_id(token.content)
        if came != number:
            raise WeightsError(
                f"the added token {token.content!r} is number {number} in its file and would be "
                f"{came} here: save the tokenizer again, with transformers' save_pretrained"
            )


def into_vocabulary(
    vocabulary: dict[str, int], added: dict[int, AddedToken], family: Sequence[str]
) -> tuple[dict[str, int], list[AddedToken]]:
    """A vocabulary with the added tokens at their numbers; and the tokens, but the family's own.

    Raises:
        WeightsError: a token has another number in the vocabulary.
    """
    whole = dict(vocabulary)
    for number, token in added.items():
        if whole.setdefault(token.content, number) != number:
            raise WeightsError(
                f"the added token {token.content!r} is number {number} in its file and "
                f"{whole[token.content]} in the vocabulary: save the tokenizer again"
            )
    return whole, [token for token in added.values() if token.content not in family]


def _text(entry: Any) -> str | None:
    text = entry.get("content") if isinstance(entry, dict) else entry
    return text if isinstance(text, str) and text else None
