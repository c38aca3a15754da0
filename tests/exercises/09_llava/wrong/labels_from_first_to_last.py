# Everything from the first answer's start to the last one's end.
# fails: labels-several
# says: has a loss, wanted none
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and answers and answers[0][0] < last <= answers[-1][1]
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)
