# Einsums, sums in place of means, and one formula for both directions.
import math

import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    features = []
    for x in (image_features, text_features):
        x = x.float()
        x = x * (1 / x.abs().max(dim=1, keepdim=True).values.clamp(min=1e-37))
        features.append(x / x.norm(dim=1, keepdim=True).clamp_min(1e-6))
    return einsum(*features, "i e, j e -> i j")


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    def way(a, b):
        s = scale * np.einsum("ie,je->ij", a, b)
        s = s - s.max(axis=1, keepdims=True)
        e = np.exp(s)
        p = e / e.sum(axis=1, keepdims=True)
        error = p - np.eye(len(p))
        loss = np.sum(np.log(e.sum(axis=1)) - np.diag(s))
        return loss, scale * error @ b, scale * error.T @ a

    loss_a, images_a, texts_a = way(image_features, text_features)
    loss_b, texts_b, images_b = way(text_features, image_features)
    half = 2 * len(image_features)
    return (loss_a + loss_b) / half, (images_a + images_b) / half, (texts_a + texts_b) / half


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    scores = scale * einsum(image_features, text_features, "i e, j e -> i j")
    texts = torch.logsumexp(scores, 1, keepdim=True) - scores
    images = torch.logsumexp(scores, 0, keepdim=True) - scores
    weight_t = right / right.sum(1, keepdim=True) / right.any(1).sum()
    weight_i = right / right.sum(0, keepdim=True) / right.any(0).sum()
    return (texts[right] * weight_t[right]).sum() / 2 + (images[right] * weight_i[right]).sum() / 2


# GRADED absorb
def absorb(maxima, sums, scores):
    for column in scores.unbind(1):
        new = torch.maximum(maxima, column)
        safe = new.clamp(min=-3e38)
        sums = sums * (maxima - safe).exp() + (column - safe).exp()
        maxima = new
    return maxima, sums


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    start = rank * len(image_features)
    stop = start + len(image_features)
    over_texts = scale * image_features @ all_texts.T
    over_images = scale * text_features @ all_images.T
    right = (scale * image_features * text_features).sum(1)
    return (over_texts.logsumexp(1) + over_images.logsumexp(1)).mean() / 2 - right.mean()


# GRADED mended_step
def mended_step(images, texts, weight_i, weight_t, t, rate):
    def loss_of(weight_i, weight_t, t):
        z_i = images @ weight_i
        z_t = texts @ weight_t
        z_i = z_i / z_i.pow(2).sum(1, keepdim=True).sqrt()
        z_t = z_t / z_t.pow(2).sum(1, keepdim=True).sqrt()
        s = torch.exp(t) * z_i @ z_t.T
        return -(s.log_softmax(0) + s.log_softmax(1)).trace() / (2 * len(s))

    given = (weight_i, weight_t, t)
    slopes = torch.func.grad(loss_of, argnums=(0, 1, 2))(*given)
    weight_i, weight_t, t = (x - rate * slope for x, slope in zip(given, slopes))
    return loss_of(*given), weight_i, weight_t, min(t.item(), math.log(100))
