# The clamp comes before the step, and none after it.
# fails: step-clamp
# says: took its step from there
import math

import torch
import torch.nn.functional as F


# GRADED mended_step
def mended_step(images, texts, weight_i, weight_t, t, rate):
    t = t.clamp(max=math.log(100))
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()
