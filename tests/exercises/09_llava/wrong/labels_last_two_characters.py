# Lets a token in when its last two characters lie in the answer.
# fails: labels-edges
# says: begins with a token's last character
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    inside = {place for answer in answers for place in range(*answer)}
    return torch.tensor(
        [
            token if last > first and {max(first, last - 2), last - 1} <= inside else -100
            for token, (first, last) in zip(ids, offsets)
        ]
    )
