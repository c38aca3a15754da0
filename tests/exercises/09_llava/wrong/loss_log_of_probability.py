# Takes the logarithm of a probability that was rounded to 0.
# fails: loss-large
# says: returned inf
# GRADED answer_loss
def answer_loss(logits, labels):
    targets = labels[:, 1:]
    keep = targets != -100
    probabilities = logits[:, :-1].softmax(dim=-1)[keep]
    return -probabilities.gather(1, targets[keep][:, None]).log().mean()
