# Ready-made pieces of torch: masked_scatter, pad_sequence, scaled_dot_product_attention.
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence


# GRADED expand_markers
def expand_markers(ids, labels, count):
    places = torch.cat([torch.full((count if t == -200 else 1,), n) for n, t in enumerate(ids)])
    ids, labels = ids[places], labels[places].clone()
    labels[ids == -200] = -100
    return ids, labels


# GRADED splice
def splice(rows, features, table):
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


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    wanted = set()
    for answer in answers:
        wanted.update(range(*answer))
    return torch.tensor(
        [i if a < b and b - 1 in wanted else -100 for i, (a, b) in zip(ids, offsets)]
    )


# GRADED answer_loss
def answer_loss(logits, labels):
    next_labels = F.pad(labels, (0, 1), value=-100)[:, 1:]
    keep = next_labels != -100
    log_p = logits.log_softmax(-1)
    picked = log_p.gather(-1, next_labels.clamp(min=0)[..., None])[..., 0]
    return -(picked * keep).sum() / keep.sum()


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    out = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask[:, None, None, :])
    return out, keys, values


# GRADED mended_generate
def mended_generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    place = (mask.cumsum(1) - 1).clamp_min(0)
    past = vectors + positions[place]
    tokens = torch.empty(len(vectors), 0, dtype=torch.long)
    scores = []
    for _ in range(steps):
        q, k, v = past[:, -1:] @ w_q, past @ w_k, past @ w_v
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None])
        logits = F.linear(past[:, -1:] + mixed, table)
        token = logits.argmax(-1)
        token[(tokens == end_id).any(1)] = end_id
        tokens = torch.cat([tokens, token], 1)
        scores.append(logits)
        mask = F.pad(mask, (0, 1), value=True)
        place = mask.sum(1, keepdim=True) - 1
        past = torch.cat([past, F.embedding(token, table) + positions[place]], 1)
    return tokens, torch.cat(scores, 1)
