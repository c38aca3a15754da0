# Each place is compared with the token before it.
# fails: loss-shift, loss-ignored, loss-mean, loss-large
# says: shifted the wrong way
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, 1:].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:, :-1].reshape(-1), ignore_index=-100)
