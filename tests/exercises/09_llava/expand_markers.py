"""Right and wrong answers to expand_markers."""

import numpy as np
import torch

from bank import mistake, right

PICTURE, NOTHING = -200, -100


@right("Lists of pieces, cut at the markers; rows one by one.")
def lists(ids, labels, count):
    new_ids, new_labels, start = [], [], 0
    for place in [*(ids == PICTURE).nonzero().flatten().tolist(), len(ids)]:
        new_ids.append(ids[start:place])
        new_labels.append(labels[start:place])
        if place < len(ids):
            new_ids.append(ids.new_full((count,), PICTURE))
            new_labels.append(labels.new_full((count,), NOTHING))
        start = place + 1
    return torch.cat(new_ids), torch.cat(new_labels)


@right("Plain loops, and no cache at all where none is asked for.")
def loops(ids, labels, count):
    out, targets = [], []
    for token, label in zip(ids.tolist(), labels.tolist()):
        if token == -200:
            out.extend([token] * count)
            targets.extend([-100] * count)
        else:
            out.append(token)
            targets.append(label)
    return torch.tensor(out), torch.tensor(targets)


@right("As the solutions write them.")
def master(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    labels = labels.masked_fill(is_marker, -100)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)


@right(
    "Modules, nested tensors and einsum; float64 inside, lists come back, a generator ends early."
)
def modules_and_nested(ids, labels, count):
    pairs = [
        (i.repeat(count), i.new_full((count,), -100)) if i == -200 else (i, label)
        for i, label in zip(ids.split(1), labels.split(1))
    ]
    return [torch.cat(one).int() for one in zip(*pairs)]


@right("NumPy and back.")
def numpy(ids, labels, count):
    a, b = ids.numpy(), labels.numpy().copy()
    b[a == -200] = -100
    times = np.where(a == -200, count, 1)
    return torch.from_numpy(np.repeat(a, times)), torch.from_numpy(np.repeat(b, times))


@right("Ready-made pieces of torch: masked_scatter, pad_sequence, scaled_dot_product_attention.")
def torch_tools(ids, labels, count):
    places = torch.cat([torch.full((count if t == -200 else 1,), n) for n, t in enumerate(ids)])
    ids, labels = ids[places], labels[places].clone()
    labels[ids == -200] = -100
    return ids, labels


@mistake(
    "No token has a loss any more.",
    fails="expand-one, expand-labels, expand-any",
    says="the labels",
)
def all_labels_off(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    labels = torch.full_like(labels, -100)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)


@mistake(
    "The picture's places hold token 0.",
    fails="expand-one, expand-labels, expand-any",
    says="became",
)
def fills_with_zero(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    labels = labels.masked_fill(is_marker, -100)
    ids = ids.masked_fill(is_marker, 0)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)


@mistake("One marker a row, the first.", fails="expand-any", says="two markers")
def first_marker_only(ids, labels, count):
    place = ids.tolist().index(-200) if -200 in ids else None
    if place is None:
        return ids, labels
    ids = torch.cat([ids[:place], torch.full((count,), -200), ids[place + 1 :]])
    labels = torch.cat([labels[:place], torch.full((count,), -100), labels[place + 1 :]])
    return ids, labels


@mistake(
    "The ids alone.",
    fails="expand-one, expand-labels, expand-any",
    says="wanted 2 values: ids, labels",
)
def ids_only(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    labels = labels.masked_fill(is_marker, -100)
    return ids.repeat_interleave(repeats)


@mistake(
    "The marker's label is put to -100 in the labels that were passed.",
    fails="expand-labels",
    says="its second argument: after the call it is not what was passed",
)
def in_place(ids, labels, count):
    labels[ids == -200] = -100
    repeats = torch.where(ids == -200, count, 1)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)


@mistake(
    "The marker's label is repeated, -200 or not.",
    fails="expand-labels",
    says="a picture's places have the label -200",
)
def label_repeated(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)


@mistake(
    "The picture's places have label 0.",
    fails="expand-one, expand-labels, expand-any",
    says="a picture's places have the label 0",
)
def label_zero(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    labels = labels.masked_fill(is_marker, 0)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)


@mistake(
    "Gives every place that has a label its id as label.",
    fails="expand-labels",
    says="(labels that are other numbers than the ids)",
)
def labels_are_ids(ids, labels, count):
    repeats = torch.where(ids == -200, count, 1)
    labels = torch.where((ids == -200) | (labels == -100), -100, ids)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)


@mistake(
    "The labels of the picture are put behind all others.",
    fails="expand-one, expand-labels, expand-any",
    says="a picture's places have the label",
)
def labels_at_the_end(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    new = ids.repeat_interleave(repeats)
    more = torch.full((len(new) - len(ids) + int(is_marker.sum()),), -100)
    return new, torch.cat([labels[~is_marker], more])


@mistake(
    "The labels stay as short as they were.",
    fails="expand-one, expand-labels, expand-any",
    says="one label for each id",
)
def labels_left(ids, labels, count):
    repeats = torch.where(ids == -200, count, 1)
    return ids.repeat_interleave(repeats), labels


@mistake("A row without a marker is not thought of.", fails="expand-any", says="(no marker)")
def marker_needed(ids, labels, count):
    place = ids.tolist().index(-200)
    head, tail = slice(None, place), slice(place + 1, None)
    rest, targets = ids[tail], labels[tail]
    if -200 in rest:
        rest, targets = marker_needed(rest, targets, count)
    ids = torch.cat([ids[head], torch.full((count,), -200), rest])
    return ids, torch.cat([labels[head], torch.full((count,), -100), targets])


@mistake(
    "What was passed comes back.",
    fails="expand-one, expand-labels, expand-any",
    says="places for each marker",
)
def nothing_done(ids, labels, count):
    return ids, labels


@mistake(
    "The marker stays, and N more come.",
    fails="expand-one, expand-labels, expand-any",
    says="places for each marker",
)
def one_too_many(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count + 1, 1)
    labels = labels.masked_fill(is_marker, -100)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)


@mistake(
    "The places of the markers are those before the first grew.",
    fails="expand-any",
    says="two markers",
)
def places_of_before(ids, labels, count):
    for place in (ids == -200).nonzero().flatten().tolist():
        ids = torch.cat([ids[:place], torch.full((count,), -200), ids[place + 1 :]])
        labels = torch.cat([labels[:place], torch.full((count,), -100), labels[place + 1 :]])
    return ids, labels


@mistake("Takes the vocabulary's first word for a picture.", fails="expand-any", says="(no marker)")
def word_0_is_a_picture(ids, labels, count):
    is_marker = ids <= 0
    repeats = torch.where(is_marker, count, 1)
    labels = labels.masked_fill(is_marker, -100)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)


@right("A list comprehension over pairs.")
def comprehension(ids, labels, count):
    pairs = [
        (i, -100 if i == -200 else l)
        for i, l in zip(ids.tolist(), labels.tolist())
        for _ in range(count if i == -200 else 1)
    ]
    a, b = zip(*pairs)
    return torch.tensor(a), torch.tensor(b)


@right("An index of places that is repeated.")
def by_index(ids, labels, count):
    n = (ids == -200).long() * (count - 1) + 1
    at = torch.arange(len(ids)).repeat_interleave(n)
    return ids[at], labels[at].where(ids[at] != -200, -100)


@right("np.repeat, and back.")
def np_repeat(ids, labels, count):
    i, l = ids.numpy().copy(), labels.numpy().copy()
    l[i == -200] = -100
    n = np.where(i == -200, count, 1)
    return torch.from_numpy(np.repeat(i, n)), torch.from_numpy(np.repeat(l, n))


@right("From the last marker to the first.")
def backwards(ids, labels, count):
    for place in reversed((ids == -200).nonzero()[:, 0].tolist()):
        ids = torch.cat((ids[:place], ids.new_full((count,), -200), ids[place + 1 :]))
        labels = torch.cat((labels[:place], labels.new_full((count,), -100), labels[place + 1 :]))
    return ids, labels


@right("A stack of rows, one a place, read where it counts.")
def table_of_places(ids, labels, count):
    wide = ids[:, None].expand(-1, count)
    keep = (ids == -200)[:, None] | (torch.arange(count) == 0)
    wide_labels = torch.where(ids == -200, -100, labels)[:, None].expand(-1, count)
    return wide[keep], wide_labels[keep]


@mistake(
    "Sorted: all markers come first.",
    fails="expand-one, expand-labels, expand-any",
    says="places a picture became",
)
def sorted_ids(ids, labels, count):
    i, l = by_index(ids, labels, count)
    order = i.argsort(stable=True)
    return i[order], l[order]


@mistake("Through float32.", fails="expand-any", says="places a picture became")
def through_float32(ids, labels, count):
    i, l = by_index(ids.float(), labels.float(), count)
    return i.long(), l.long()


@mistake(
    "Numbers with a point come back.",
    fails="expand-one, expand-labels, expand-any",
    says="numbers, wanted whole ones such as torch.int",
)
def floats(ids, labels, count):
    i, l = by_index(ids, labels, count)
    return i.double(), l.double()


@mistake(
    "Lists come back.",
    fails="expand-one, expand-labels, expand-any",
    says="expand_markers returned a list, wanted a torch tensor",
)
def as_lists(ids, labels, count):
    i, l = by_index(ids, labels, count)
    return i.tolist(), l.tolist()


@mistake(
    "Stacked to one tensor of two rows.",
    fails="expand-one, expand-labels, expand-any",
    says="expand_markers returned a tensor of shape",
)
def stacked(ids, labels, count):
    i, l = by_index(ids, labels, count)
    return torch.stack([i, l])


@mistake(
    "One row more: a batch.",
    fails="expand-one, expand-labels, expand-any",
    says="expand_markers returned",
)
def batched(ids, labels, count):
    i, l = by_index(ids, labels, count)
    return i[None], l[None]


@mistake(
    "Every label below 0 becomes -200.",
    fails="expand-one, expand-labels, expand-any",
    says="a picture's places have the label",
)
def all_labels_marked(ids, labels, count):
    i, l = by_index(ids, labels, count)
    return i, l.where(l >= 0, -200)


@mistake(
    "The labels are shifted by one.",
    fails="expand-one, expand-labels, expand-any",
    says="the labels",
)
def shifted_labels(ids, labels, count):
    i, l = by_index(ids, labels, count)
    return i, l.roll(-1)


@mistake(
    "A picture's first place keeps its label.",
    fails="expand-labels",
    says="a picture's places have the label",
)
def first_place_labelled(ids, labels, count):
    n = torch.where(ids == -200, count, 1)
    out = labels.repeat_interleave(n)
    i = ids.repeat_interleave(n)
    first = torch.zeros_like(i, dtype=torch.bool)
    first[n.cumsum(0) - n] = True
    return i, out.where(first | (i != -200), -100)


@mistake(
    "The word behind a picture loses its label.",
    fails="expand-labels, expand-any",
    says="the labels",
)
def next_word_unlabelled(ids, labels, count):
    i, l = by_index(ids, labels, count)
    l = l.clone()
    l[1:][i[:-1] == -200] = -100
    return i, l


@mistake(
    "Exchanged: labels first.",
    fails="expand-one, expand-labels, expand-any",
    says="places a picture became",
)
def exchanged(ids, labels, count):
    return by_index(ids, labels, count)[::-1]
