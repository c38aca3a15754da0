# Everything behind the first answer's start.
# fails: labels-several, labels-one, labels-empty, labels-edges
# says: has a loss, wanted none
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)
