# The questions have a loss, the answers none.
# fails: labels-one, labels-several, labels-edges, labels-empty
# says: has a loss, wanted none
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(-100 if is_answer else token)
    return torch.tensor(labels)
