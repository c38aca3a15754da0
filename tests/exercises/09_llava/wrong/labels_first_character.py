# A token goes by its first character.
# fails: labels-edges
# says: brings the space before it
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start <= first < end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)
