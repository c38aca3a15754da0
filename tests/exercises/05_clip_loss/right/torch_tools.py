# Ready-made pieces of torch: an optimiser, logsumexp, soft targets, one-hot labels.
import math

import torch
from torch import nn
from torch.nn import functional


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    a, b = image_features.double(), text_features.double()
    return functional.cosine_similarity(a[:, None], b[None], dim=-1, eps=1e-200).float()


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    i, t = torch.tensor(image_features), torch.tensor(text_features)
    s = scale * i.mm(t.t())
    n = s.size(0)
    loss = (s.logsumexp(0) + s.logsumexp(1) - 2 * s.diagonal()).mean().mul(0.5)
    g = s.softmax(0).add(s.softmax(1)).div(2)
    g.diagonal().sub_(1)
    g = g * scale / n
    return loss.item(), g.mm(t).numpy(), g.t().mm(i).numpy()


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    sides = []
    for table, yes in ((s, right), (s.T, right.T)):
        keep = yes.any(1)
        target = functional.normalize(yes[keep].float(), p=1, dim=1)
        sides.append(nn.CrossEntropyLoss()(table[keep], target))
    return torch.stack(sides).mean()


# GRADED absorb
def absorb(maxima, sums, scores):
    block = scores.logsumexp(1)
    total = torch.logaddexp(maxima + sums.log(), block)
    new = torch.max(maxima, scores.amax(1))
    return new, (total - new).exp().nan_to_num(0.0)


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    n, whole = len(image_features), len(all_images)
    one_hot = torch.eye(whole)[rank * n : rank * n + n]
    over_texts = (scale * image_features @ all_texts.T).log_softmax(-1)
    over_images = (scale * all_images @ text_features.T).log_softmax(0).T
    return -((over_texts + over_images) * one_hot).sum() / (2 * n)


# GRADED mended_step
def mended_step(images, texts, weight_i, weight_t, t, rate):
    parameters = [nn.Parameter(x.clone()) for x in (weight_i, weight_t, t)]
    optimizer = torch.optim.SGD(parameters, lr=rate)
    z_i, z_t = (functional.normalize(x @ w, dim=-1) for x, w in zip((images, texts), parameters))
    logits = parameters[2].exp() * (z_i @ z_t.T)
    pairs = torch.arange(len(images))
    loss = sum(functional.cross_entropy(table, pairs) for table in (logits, logits.mT)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    parameters[2].data.clamp_(max=math.log(100))
    return (loss, *parameters)
