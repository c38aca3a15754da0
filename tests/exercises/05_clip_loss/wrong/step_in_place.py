# The weights that were passed take the step.
# fails: step-update
# says: its third argument: after the call it is not what was passed
import math

import torch
import torch.nn.functional as F


# GRADED mended_step
def mended_step(images, texts, weight_i, weight_t, t, rate):
    parameters = [x.requires_grad_() for x in (weight_i, weight_t, t)]
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    logits = t.exp() * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for parameter in parameters:
            parameter -= rate * parameter.grad
        t.clamp_(max=math.log(100))
    return tuple(x.detach() for x in (loss, weight_i, weight_t, t))
