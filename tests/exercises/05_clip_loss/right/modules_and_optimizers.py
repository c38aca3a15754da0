# Modules, optimisers, losses of torch.nn; lists and Parameters come back, float64 inside.
import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Cosines(nn.Module):
    def forward(
        self, image_features: Float[Tensor, "n e"], text_features: Float[Tensor, "m e"]
    ) -> Float[Tensor, "n m"]:
        a, b = image_features.double(), text_features.double()
        return (a @ b.T / torch.outer(a.norm(dim=1), b.norm(dim=1))).nan_to_num(0)


# GRADED cosine_similarities
cosine_similarities = Cosines()


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    images, texts = (torch.tensor(x, requires_grad=True) for x in (image_features, text_features))
    scores = scale * images @ texts.T
    pairs = torch.arange(len(scores))
    loss = 0.5 * (F.cross_entropy(scores, pairs) + F.cross_entropy(scores.T, pairs))
    loss.backward()
    return [loss.reshape(1), images.grad, texts.grad]


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    scores = torch.einsum("ie,je->ij", image_features, text_features).mul(scale)

    def way(scores, right):
        keep = right.any(dim=1)
        targets = right[keep].to(scores.dtype)
        return nn.CrossEntropyLoss()(scores[keep], F.normalize(targets, p=1.0, dim=1))

    return torch.stack([way(scores, right), way(scores.mT, right.mT)]).mean()


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.cat([maxima[:, None], scores], dim=1).amax(dim=1)
    seen = new > -torch.inf
    maxima, sums = maxima.clone(), sums.clone()
    sums[seen] *= (maxima[seen] - new[seen]).exp_()
    sums[seen] += (scores[seen] - new[seen, None]).exp().sum(dim=1)
    maxima.copy_(new)
    return [maxima, sums]


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    count = image_features.size(0)
    own = slice(count * rank, count * (rank + 1))

    def way(x, y):
        return -torch.log_softmax(torch.matmul(x, y.t()) * scale, dim=-1)[:, own].diagonal()

    halves = way(image_features, all_texts), way(text_features, all_images)
    return torch.cat(halves).mean().numpy()


# GRADED mended_step
def mended_step(images, texts, weight_i, weight_t, t, rate):
    parameters = [nn.Parameter(x.clone()) for x in (weight_i, weight_t, t)]
    optimizer = torch.optim.SGD(parameters, lr=rate)

    def unit(x):
        return x / x.norm(dim=-1, keepdim=True)

    scores = parameters[2].exp() * unit(images @ parameters[0]) @ unit(texts @ parameters[1]).mT
    pairs = torch.arange(scores.shape[0])
    cross_entropy = nn.CrossEntropyLoss()
    loss = cross_entropy(scores, pairs).add(cross_entropy(scores.mT, pairs)).mul(0.5)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    parameters[2].data.clamp_(max=np.log(100.0))
    return [loss, *parameters]
