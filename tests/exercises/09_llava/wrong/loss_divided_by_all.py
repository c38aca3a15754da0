# The sum over answers, divided by all tokens.
# fails: loss-ignored, loss-mean
# says: tokens, and
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-1].reshape(-1, vocabulary)
    return (
        F.cross_entropy(scores, labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum")
        / labels[:, 1:].numel()
    )
