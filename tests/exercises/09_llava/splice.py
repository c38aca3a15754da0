"""Right and wrong answers to splice."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from bank import mistake, right

PICTURE, NOTHING = -200, -100


def cut(row):
    """The pieces of a list of ids between its markers."""
    pieces, piece = [], []
    for token in row:
        if token == PICTURE:
            pieces.append(piece)
            piece = []
        else:
            piece.append(token)
    return pieces + [piece]


@right("Lists of pieces, cut at the markers; rows one by one.")
def lists(rows, features, table):
    at, out = 0, []
    for row in rows:
        pieces = cut(row)
        parts = [table[torch.tensor(pieces[0], dtype=torch.long)]]
        for piece in pieces[1:]:
            parts += [features[at], table[torch.tensor(piece, dtype=torch.long)]]
            at += 1
        out.append(torch.cat(parts))
    lengths = torch.tensor([len(row) for row in out])
    vectors = torch.nn.utils.rnn.pad_sequence(out, batch_first=True)
    return vectors, torch.arange(vectors.shape[1])[None] < lengths[:, None]


@right("Plain loops, and no cache at all where none is asked for.")
def loops(rows, features, table):
    count, lengths = features.shape[1], []
    for row in rows:
        lengths.append(sum(count if token == -200 else 1 for token in row))
    vectors = torch.zeros(len(rows), max(lengths), table.shape[1], dtype=table.dtype)
    mask = torch.zeros(len(rows), max(lengths)).bool()
    picture = 0
    for i, row in enumerate(rows):
        at = 0
        for token in row:
            if token == -200:
                for n in range(count):
                    vectors[i, at + n] = features[picture, n]
                picture += 1
                at += count
            else:
                vectors[i, at] = table[token]
                at += 1
        mask[i, :at] = True
    return vectors, mask


@right("As the solutions write them.")
def master(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@right(
    "Modules, nested tensors and einsum; float64 inside, lists come back, a generator ends early."
)
def modules_and_nested(rows, features, table):
    pictures = list(features.unbind(0))[::-1]
    spliced = []
    for row in rows:
        vectors = []
        for token in row:
            vectors.extend(pictures.pop() if token == -200 else [table[token]])
        spliced.append(torch.stack(vectors))
    mask = [torch.ones(len(row)) for row in spliced]
    return [
        torch.nested.to_padded_tensor(torch.nested.as_nested_tensor(spliced), 0.0),
        torch.nested.to_padded_tensor(torch.nested.as_nested_tensor(mask), 0.0) == 1,
    ]


@mistake(
    "NumPy and back: right, and no gradient passes.",
    fails="splice-gradient",
    says=".numpy(), torch.no_grad()",
)
def numpy(rows, features, table):
    words, pictures = table.numpy(), list(features.numpy())
    spliced = []
    for row in rows:
        parts = [pictures.pop(0) if t == -200 else words[t : t + 1] for t in row]
        spliced.append(np.vstack(parts))
    length = max(map(len, spliced))
    vectors = np.stack([np.pad(s, ((0, length - len(s)), (0, 0))) for s in spliced])
    mask = np.arange(length) < np.array([[len(s)] for s in spliced])
    return torch.from_numpy(vectors), torch.from_numpy(mask)


@right("Ready-made pieces of torch: masked_scatter, pad_sequence, scaled_dot_product_attention.")
def torch_tools(rows, features, table):
    count = features.shape[1]
    long = []
    for row in rows:
        ids = torch.tensor(row)
        long.append(ids.repeat_interleave(torch.where(ids == -200, count, 1)))
    ids = pad_sequence(long, batch_first=True, padding_value=-1)
    vectors = F.embedding(ids.clamp(min=0), table)
    vectors = vectors.masked_scatter((ids == -200)[..., None], features.flatten(0, 1))
    mask = ids != -1
    return vectors * mask[..., None], mask


@mistake(
    "The picture is added to word 0, not put in its place.",
    fails="splice-one, splice-several, splice-batch, splice-words",
    says="another one",
)
def added(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) + table[0] if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "Takes the last row for the longest.",
    fails="splice-padding",
    says="(rows of 7 and 2 and 1 ids)",
)
def as_long_as_the_last(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
        longest = len(spliced[-1])
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "Every row begins again with the first picture.",
    fails="splice-batch",
    says="(rows with 1, 0 and 2 pictures)",
)
def each_row_from_the_first(rows, features, table):
    spliced = []
    for row in rows:
        pictures = iter(features)
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "An id that is below 1 is taken for a picture.", fails="splice-words", says="StopIteration"
)
def every_negative_wraps(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token < 1 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "Only the first marker of a row is seen.",
    fails="splice-several, splice-batch, splice-padding",
    says="IndexError",
)
def first_marker_only(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        if -200 in row:
            place = row.index(-200)
            words = table[torch.tensor(row[:place] + row[place + 1 :])]
            spliced.append(torch.cat([words[:place], next(pictures), words[place:]]))
        else:
            spliced.append(table[torch.tensor(row)])
    longest = max(len(row) for row in spliced)
    vectors = torch.stack([F.pad(row, (0, 0, 0, longest - len(row))) for row in spliced])
    mask = torch.tensor([[n < len(row) for n in range(longest)] for row in spliced])
    return vectors, mask


@mistake(
    "Takes the ids out of the rows one by one.",
    fails="splice-padding",
    says="its first argument: after the call it is not what was passed",
)
def in_place(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = []
        while row:
            token = row.pop(0)
            pieces.append(next(pictures) if token == -200 else table[[token]])
        spliced.append(torch.cat(pieces))
    masks = [torch.ones(len(row), dtype=torch.bool) for row in spliced]
    return pad_sequence(spliced, True), pad_sequence(masks, True)


@mistake(
    "The marker keeps a place of its own, of zeros.",
    fails="splice-one, splice-several, splice-batch, splice-padding, splice-words",
    says="(B, L, D)",
)
def keeps_the_marker(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [
            torch.cat([torch.zeros_like(table[:1]), next(pictures)])
            if token == -200
            else table[[token]]
            for token in row
        ]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "The longest row is looked for before the pictures are in.",
    fails="splice-gradient, splice-one, splice-several, splice-batch, splice-padding, splice-words",
    says="RuntimeError",
)
def longest_of_ids(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in rows)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "The marker is looked up in the table first.",
    fails="splice-gradient, splice-one, splice-several, splice-batch, splice-padding, splice-words",
    says="IndexError",
)
def looks_the_marker_up(rows, features, table):
    words = [table[torch.tensor(row)] for row in rows]
    return torch.stack(words), torch.ones(len(rows), len(words[0]), dtype=torch.bool)


@mistake("Word 0 is taken for padding.", fails="splice-words", says="wanted (1, 9, 4)")
def mask_from_ids(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [
            next(pictures) if token == -200 else table[[token]] for token in row if token != 0
        ]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "Takes every vector of zeros for padding, the word whose vector is zeros too.",
    fails="splice-padding",
    says="(a word whose vector is all zeros)",
)
def mask_from_vectors(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    vectors = torch.nn.utils.rnn.pad_sequence(spliced, batch_first=True)
    return vectors, (vectors != 0).any(dim=-1)


@mistake("True for padding.", fails="splice-padding", says="the mask says True for padding")
def mask_inverted(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, ~mask


@mistake("A mask of 0 and 1.", fails="splice-padding", says="wanted torch.bool")
def mask_of_numbers(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask.long()


@mistake(
    "The mask counts words, a picture as one.",
    fails="splice-padding",
    says="the mask is not True for each word",
)
def mask_without_pictures(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(rows[place])] = True
    return vectors, mask


@mistake(
    "One vector a picture, their mean.",
    fails="splice-one, splice-several, splice-batch, splice-padding, splice-words",
    says="(B, L, D)",
)
def mean_picture(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [
            next(pictures).mean(0, keepdim=True) if token == -200 else table[[token]]
            for token in row
        ]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake("Padded in front.", fails="splice-batch, splice-padding", says="is filled up in front")
def padded_left(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, longest - len(row) :] = row
        mask[place, longest - len(row) :] = True
    return vectors, mask


@mistake("Padding is word 0.", fails="splice-padding", says="something other than 0")
def padded_with_word_0(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table[0].repeat(len(rows), longest, 1)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "Pictures go before the words, wherever the marker stands.",
    fails="splice-one, splice-several, splice-batch, splice-words",
    says="another one",
)
def picture_first(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        seen = [next(pictures) for token in row if token == -200]
        words = torch.tensor([token for token in row if token != -200], dtype=torch.long)
        spliced.append(torch.cat([*seen, table[words]]))
    longest = max(len(row) for row in spliced)
    vectors = torch.stack([F.pad(row, (0, 0, 0, longest - len(row))) for row in spliced])
    mask = torch.tensor([[n < len(row) for n in range(longest)] for row in spliced])
    return vectors, mask


@mistake("Row n takes picture n.", fails="splice-several, splice-batch", says="another one")
def picture_of_the_row(rows, features, table):
    spliced = []
    for place, row in enumerate(rows):
        pieces = [features[place] if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "The pictures are taken from the last.",
    fails="splice-several, splice-batch",
    says="another one",
)
def pictures_reversed(rows, features, table):
    pictures = iter(features.flip(0))
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


@mistake(
    "No mask.",
    fails="splice-one, splice-several, splice-batch, splice-padding, splice-words",
    says="wanted 2 values: the vectors, the mask",
)
def vectors_only(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors


@mistake(
    "Each picture stands backwards.",
    fails="splice-one, splice-several, splice-batch, splice-words",
    says="another one",
)
def vectors_reversed(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures).flip(0) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask


def _make(rows, features, table):
    n, k = features.shape[1] if len(features) else 0, 0
    out = []
    for row in rows:
        parts = []
        for t in row:
            if t == -200:
                parts.append(features[k])
                k += 1
            else:
                parts.append(table[t : t + 1])
        out.append(torch.cat(parts))
    return out


def _pad(parts):
    longest = max(len(x) for x in parts)
    mask = torch.arange(longest) < torch.tensor([[len(x)] for x in parts])
    return torch.stack([F.pad(x, (0, 0, 0, longest - len(x))) for x in parts]), mask


@right("pad_sequence, and the mask from the lengths.")
def padded_sequence(rows, features, table):
    parts = _make(rows, features, table)
    lengths = torch.tensor([len(x) for x in parts])
    return nn.utils.rnn.pad_sequence(parts, batch_first=True), torch.arange(
        int(lengths.max())
    ) < lengths[:, None]


@right("One long table of words and pictures, looked up once.")
def one_lookup(rows, features, table):
    everything = torch.cat([table, features.flatten(0, 1), table.new_zeros(1, table.shape[1])])
    n, k = features.shape[1], 0
    places = []
    for row in rows:
        line = []
        for t in row:
            if t == -200:
                line += [len(table) + k * n + i for i in range(n)]
                k += 1
            else:
                line.append(t)
        places.append(line)
    longest = max(map(len, places))
    index = torch.tensor([line + [len(everything) - 1] * (longest - len(line)) for line in places])
    return everything[index], index != len(everything) - 1


@right("F.pad and stack.")
def pad_and_stack(rows, features, table):
    return _pad(_make(rows, features, table))


@right("F.embedding for the words, written over where pictures stand.")
def embedding(rows, features, table):
    count = features.shape[1]
    wide = [[t for t in row for _ in range(count if t == -200 else 1)] for row in rows]
    longest = max(map(len, wide))
    ids = torch.tensor([line + [-1] * (longest - len(line)) for line in wide])
    vectors = F.embedding(ids.clamp(min=0), table) * (ids >= 0)[..., None]
    vectors = vectors.masked_scatter((ids == -200)[..., None], features)
    return vectors, ids != -1


@right("index_put, one flat row of all.")
def index_put(rows, features, table):
    parts = _make(rows, features, table)
    b, longest = len(parts), max(len(x) for x in parts)
    at = torch.cat([torch.arange(len(x)) + k * longest for k, x in enumerate(parts)])
    flat = table.new_zeros(b * longest, table.shape[1]).index_put((at,), torch.cat(parts))
    mask = torch.zeros(b * longest, dtype=torch.bool).index_fill(0, at, True)
    return flat.view(b, longest, -1), mask.view(b, longest)


@mistake(
    "Built from lists of numbers.", fails="splice-gradient", says="no gradient reaches the features"
)
def from_lists(rows, features, table):
    parts = [torch.tensor(x.tolist(), dtype=table.dtype) for x in _make(rows, features, table)]
    return _pad(parts)


@mistake(
    "The features are detached.", fails="splice-gradient", says="no gradient reaches the features"
)
def features_detached(rows, features, table):
    return _pad(_make(rows, features.detach(), table))


@mistake("The words do not learn.", fails="splice-gradient", says="no gradient reaches the table")
def table_detached(rows, features, table):
    return _pad(_make(rows, features, table.detach()))


@mistake(
    "The features' .data is written in.",
    fails="splice-gradient",
    says="no gradient reaches the features",
)
def data_written(rows, features, table):
    v, m = _pad(_make(rows, features, table))
    out = torch.zeros_like(v)
    out.data.copy_(v.data)
    return out, m


@mistake("Under no_grad.", fails="splice-gradient", says="no gradient reaches the features")
def no_grad(rows, features, table):
    with torch.no_grad():
        return _pad(_make(rows, features, table))


@mistake(
    "Rows sorted, the longest first.",
    fails="splice-batch, splice-padding",
    says="the vector at place",
)
def sorted_rows(rows, features, table):
    parts = sorted(_make(rows, features, table), key=len, reverse=True)
    return _pad(parts)


@mistake(
    "float32 comes back, whatever came.",
    fails="splice-words",
    says="came out; to copy vectors changes no number",
)
def single(rows, features, table):
    return _pad(_make(rows, features.float(), table.float()))


@mistake(
    "Rounded through half precision.",
    fails="splice-one, splice-several, splice-batch, splice-words, splice-gradient",
    says="the vector at place",
)
def through_half(rows, features, table):
    return _pad(
        _make(rows, features.bfloat16().to(features.dtype), table.bfloat16().to(table.dtype))
    )


@mistake(
    "Words are normalised.",
    fails="splice-one, splice-several, splice-batch, splice-words",
    says="the vector at place",
)
def words_normalised(rows, features, table):
    return _pad(_make(rows, features, F.normalize(table, dim=1)))


@mistake("The mask is (B, L, 1).", fails="splice-padding", says="splice's mask has the shape")
def mask_of_three(rows, features, table):
    v, m = _pad(_make(rows, features, table))
    return v, m[..., None]


@mistake(
    "One place more than the longest row.",
    fails="splice-one, splice-several, splice-batch, splice-padding, splice-words",
    says="splice returned",
)
def padded_one_more(rows, features, table):
    v, m = _pad(_make(rows, features, table))
    return F.pad(v, (0, 0, 0, 1)), F.pad(m, (0, 1))


@mistake(
    "A list of rows, nothing filled up.",
    fails="splice-one, splice-several, splice-batch, splice-padding, splice-words",
    says="splice returned a list, wanted a torch tensor",
)
def ragged(rows, features, table):
    parts = _make(rows, features, table)
    return parts, [torch.ones(len(x), dtype=torch.bool) for x in parts]
