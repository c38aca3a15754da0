# Only tokens wholly inside.
# fails: labels-edges
# says: brings the space before it
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start <= first and last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)
