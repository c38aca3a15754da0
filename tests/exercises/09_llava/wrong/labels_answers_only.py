# Only the tokens of the answers come back.
# fails: labels-one, labels-several, labels-edges, labels-empty
# says: one label a token
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor([x for x in labels if x != -100])
