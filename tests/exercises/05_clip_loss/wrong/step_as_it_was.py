# The faulty step, copied.
# fails: step-normalise, step-exp, step-both, step-clamp, step-update
# says: normalised over the batch
import math

import torch
import torch.nn.functional as F


# GRADED mended_step
def mended_step(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=0)
    text_features = F.normalize(texts @ weight_t, dim=0)
    scale = t.clamp(max=math.log(100))
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    over_texts = F.cross_entropy(logits, labels)
    over_images = F.cross_entropy(logits, labels)
    loss = (over_texts + over_images) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()
