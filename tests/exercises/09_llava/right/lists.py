# Lists of pieces, cut at the markers; rows one by one.
import math

import torch

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


# GRADED expand_markers
def expand_markers(ids, labels, count):
    new_ids, new_labels, start = [], [], 0
    for place in [*(ids == PICTURE).nonzero().flatten().tolist(), len(ids)]:
        new_ids.append(ids[start:place])
        new_labels.append(labels[start:place])
        if place < len(ids):
            new_ids.append(ids.new_full((count,), PICTURE))
            new_labels.append(labels.new_full((count,), NOTHING))
        start = place + 1
    return torch.cat(new_ids), torch.cat(new_labels)


# GRADED splice
def splice(rows, features, table):
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


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    spans = torch.tensor(offsets).reshape(-1, 2)
    first, last = spans[:, 0], spans[:, 1]
    counts = torch.zeros(len(ids), dtype=torch.bool)
    for start, end in answers:
        counts = counts | ((start <= last - 1) & (last - 1 < end))
    return torch.where(counts & (first < last), torch.tensor(ids), NOTHING)


# GRADED answer_loss
def answer_loss(logits, labels):
    b, t = (labels[:, 1:] != NOTHING).nonzero(as_tuple=True)
    scores = logits[b, t].double()
    return (scores.logsumexp(1) - scores[torch.arange(len(b)), labels[b, t + 1]]).mean()


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    tokens = past_keys.shape[2]
    keys = torch.zeros(*past_keys.shape[:2], tokens + 1, past_keys.shape[3])
    values = torch.zeros_like(keys)
    keys[:, :, :tokens], keys[:, :, tokens:] = past_keys, key
    values[:, :, :tokens], values[:, :, tokens:] = past_values, value
    weights = (query * keys).sum(-1) / math.sqrt(key.shape[-1])
    weights = weights.exp() * mask[:, None]
    weights = weights / weights.sum(-1, keepdim=True)
    return (weights[..., None] * values).sum(2, keepdim=True), keys, values


# GRADED mended_generate
def mended_generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    tokens, scores = [], []
    for row, seen in zip(vectors, mask.tolist()):
        row = row[seen.index(True) :]
        cache, said, told = [], [], []
        for place, vector in enumerate(row):
            cache.append(vector + positions[place])
        while len(said) < steps:
            stack = torch.stack(cache)
            attention = stack @ w_k @ (stack[-1] @ w_q) / math.sqrt(len(w_q))
            hidden = stack[-1] + attention.softmax(0) @ (stack @ w_v)
            told.append(hidden @ table.T)
            said.append(end_id if said and said[-1] == end_id else int(told[-1].argmax()))
            cache.append(table[said[-1]] + positions[len(cache)])
        tokens.append(said)
        scores.append(torch.stack(told))
    return torch.tensor(tokens), torch.stack(scores)
