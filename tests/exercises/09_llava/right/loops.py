# Plain loops, and no cache at all where none is asked for.
import math

import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    out, targets = [], []
    for token, label in zip(ids.tolist(), labels.tolist()):
        if token == -200:
            out.extend([token] * count)
            targets.extend([-100] * count)
        else:
            out.append(token)
            targets.append(label)
    return torch.tensor(out), torch.tensor(targets)


# GRADED splice
def splice(rows, features, table):
    count, lengths = features.shape[1], []
    for row in rows:
        lengths.append(sum(count if token == -200 else 1 for token in row))
    vectors = torch.zeros(len(rows), max(lengths), table.shape[1])
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


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = torch.full((len(ids),), -100)
    for start, end in answers:
        for place, (first, last) in enumerate(offsets):
            if first != last and start <= last - 1 < end:
                labels[place] = ids[place]
    return labels


# GRADED answer_loss
def answer_loss(logits, labels):
    total, count = 0.0, 0
    for row, targets in zip(logits, labels):
        for t in range(len(targets) - 1):
            target = targets[t + 1].item()
            if target != -100:
                total += (row[t].logsumexp(0) - row[t][target]).item()
                count += 1
    return total / count


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    b, h, _, d = query.shape
    keys = torch.cat((past_keys, key), -2)
    values = torch.cat((past_values, value), -2)
    out = torch.zeros(b, h, 1, d)
    for i in range(b):
        seen = mask[i].nonzero().flatten()
        for j in range(h):
            weights = torch.softmax(keys[i, j, seen] @ query[i, j, 0] * d**-0.5, 0)
            out[i, j, 0] = weights @ values[i, j, seen]
    return out, keys, values


# GRADED mended_generate
def mended_generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    all_tokens, all_scores = [], []
    for row, there in zip(vectors, mask):
        x = row[there]
        tokens, scores = [], []
        for _ in range(steps):
            y = x + positions[: len(x)]
            weights = torch.softmax((y[-1] @ w_q) @ (y @ w_k).T / y.shape[1] ** 0.5, 0)
            score = table @ (y[-1] + weights @ (y @ w_v))
            token = end_id if end_id in tokens else score.argmax().item()
            tokens.append(token)
            scores.append(score)
            x = torch.cat([x, table[token][None]])
        all_tokens.append(tokens)
        all_scores.append(torch.stack(scores))
    return torch.tensor(all_tokens), torch.stack(all_scores)
