# Each place has the label of the token before it.
# fails: labels-one, labels-several, labels-edges, labels-empty
# says: each stands one place behind its token
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor([-100] + labels[:-1])
