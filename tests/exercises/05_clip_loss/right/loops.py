# Plain Python loops over pairs.
import math

import numpy as np
import torch


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    out = torch.zeros(len(image_features), len(text_features))
    for i, a in enumerate(image_features.double()):
        for j, b in enumerate(text_features.double()):
            lengths = (a * a).sum().sqrt() * (b * b).sum().sqrt()
            if lengths > 0:
                out[i, j] = (a * b).sum() / lengths
    return out


def lse(values):
    top = max(values)
    if top == -math.inf:
        return top
    return top + math.log(sum(math.exp(v - top) for v in values))


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    n, e = image_features.shape
    s = [[scale * float(a @ b) for b in text_features] for a in image_features]
    rows = [lse(row) for row in s]
    columns = [lse([s[i][j] for i in range(n)]) for j in range(n)]
    loss = sum(rows[i] + columns[i] - 2 * s[i][i] for i in range(n)) / (2 * n)
    gi, gt = np.zeros((n, e)), np.zeros((n, e))
    for i in range(n):
        for j in range(n):
            g = math.exp(s[i][j] - rows[i]) + math.exp(s[i][j] - columns[j]) - 2 * (i == j)
            gi[i] += scale * g / (2 * n) * text_features[j]
            gt[j] += scale * g / (2 * n) * image_features[i]
    return loss, gi, gt


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    s = (scale * image_features.double() @ text_features.double().T).tolist()
    right = right.tolist()

    def one_way(s, right):
        total, rows = 0.0, 0
        for row, yes in zip(s, right):
            good = [v for v, y in zip(row, yes) if y]
            if good:
                rows += 1
                total += lse(row) - sum(good) / len(good)
        return total / rows

    return (one_way(s, right) + one_way(list(zip(*s)), list(zip(*right)))) / 2


# GRADED absorb
def absorb(maxima, sums, scores):
    maxima, sums = maxima.tolist(), sums.tolist()
    for i, row in enumerate(scores.tolist()):
        for score in row:
            if score == -math.inf:
                continue
            if score > maxima[i]:
                sums[i] = sums[i] * math.exp(maxima[i] - score) + 1
                maxima[i] = score
            else:
                sums[i] += math.exp(score - maxima[i])
    return torch.tensor(maxima), torch.tensor(sums)


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    n = len(image_features)
    total = 0.0
    for k in range(n):
        place = rank * n + k
        texts = [scale * float(image_features[k] @ text) for text in all_texts]
        images = [scale * float(text_features[k] @ image) for image in all_images]
        total += lse(texts) - texts[place] + lse(images) - images[place]
    return total / (2 * n)


# GRADED mended_step
def mended_step(images, texts, weight_i, weight_t, t, rate):
    weights = [x.detach().clone().requires_grad_() for x in (weight_i, weight_t, t)]
    wi, wt, tt = weights
    zi = torch.stack([v / v.norm() for v in images @ wi])
    zt = torch.stack([v / v.norm() for v in texts @ wt])
    total = 0
    for k in range(len(zi)):
        row, column = zt @ zi[k] * tt.exp(), zi @ zt[k] * tt.exp()
        total = total - row.log_softmax(0)[k] - column.log_softmax(0)[k]
    loss = total / (2 * len(zi))
    slopes = torch.autograd.grad(loss, weights)
    new = [w.detach() - rate * slope for w, slope in zip(weights, slopes)]
    new[2] = torch.minimum(new[2], torch.tensor(100.0).log())
    return loss.item(), *new
