# Cut after flattening, so rows run into one another.
# fails: loss-mean, loss-large
# says: the loss is
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    scores = logits.reshape(-1, logits.shape[-1])[:-1]
    return F.cross_entropy(scores, labels.reshape(-1)[1:], ignore_index=-100)
