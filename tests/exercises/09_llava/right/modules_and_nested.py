# Modules, nested tensors and einsum; float64 inside, lists come back, a generator ends early.
import einops
import torch
import torch.nn.functional as F
from torch import nn


# GRADED expand_markers
def expand_markers(ids, labels, count):
    pairs = [
        (i.repeat(count), i.new_full((count,), -100)) if i == -200 else (i, label)
        for i, label in zip(ids.split(1), labels.split(1))
    ]
    return [torch.cat(one).int() for one in zip(*pairs)]


# GRADED splice
def splice(rows, features, table):
    pictures = list(features.unbind(0))[::-1]
    spliced = []
    for row in rows:
        vectors = []
        for token in row:
            vectors.extend(pictures.pop() if token == -200 else [table[token]])
        spliced.append(torch.stack(vectors))
    mask = [torch.ones(len(row)) for row in spliced]
    return [
        torch.nested.to_padded_tensor(torch.nested.nested_tensor(spliced), 0.0),
        torch.nested.to_padded_tensor(torch.nested.nested_tensor(mask), 0.0) == 1,
    ]


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    letters = torch.zeros(offsets[-1][1] + 1, dtype=torch.bool)
    for start, end in answers:
        letters[start:end] = True
    labels = torch.IntTensor(ids)
    for place, (first, last) in enumerate(offsets):
        if first == last or not letters[last - 1]:
            labels[place] = -100
    return labels


class AnswerLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.loss = nn.CrossEntropyLoss()

    def forward(self, logits, labels):
        return self.loss(logits.transpose(1, 2)[..., :-1], labels[..., 1:]).unsqueeze(0)


# GRADED answer_loss
answer_loss = AnswerLoss()


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys = einops.rearrange([*past_keys.unbind(2), key[:, :, 0]], "t b h d -> b h t d")
    values = torch.stack([*past_values.unbind(2), value.squeeze(2)], dim=2)
    scores = torch.einsum("bhqd,bhkd->bhqk", query.double(), keys.double())
    bias = torch.zeros(mask.shape).masked_fill(mask.logical_not(), torch.finfo(torch.float).min)
    weights = F.softmax(scores * query.size(-1) ** -0.5 + bias[:, None, None], dim=-1)
    return [torch.einsum("bhqk,bhkd->bhqd", weights, values.double()), keys, values]


# GRADED mended_generate
def mended_generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    batch, length, width = vectors.shape
    tokens = torch.full((batch, steps), end_id)
    scores = torch.full((batch, steps, len(table)), torch.nan)
    x = torch.zeros(batch, length + steps, width)
    x[:, :length] = vectors + positions[(mask.cumsum(1) - 1).clamp(0)]
    alive = torch.ones(batch, dtype=torch.bool)
    for step in range(steps):
        if not alive.any():
            break
        seen, last = x[:, : length + step], x[:, length + step - 1]
        weights = torch.einsum("bd,btd->bt", last @ w_q, seen @ w_k) / width**0.5
        weights = weights.masked_fill(~F.pad(mask, (0, step), value=True), -torch.inf)
        mixed = torch.einsum("bt,btd->bd", weights.softmax(-1), seen @ w_v)
        told = (last + mixed) @ table.T
        best = told.argmax(-1)
        tokens[alive, step], scores[alive, step] = best[alive], told[alive]
        alive = alive & (best != end_id)
        x[:, length + step] = table[best] + positions[mask.sum(1) + step]
    return tokens, scores
