# Makes what it was given shorter, in place.
# fails: cos-half
# says: its first argument: after the call it is not what was passed
import torch


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    units = []
    for x in (image_features, text_features):
        x *= 0.5
        y = x.double()
        length = y.norm(dim=1, keepdim=True)
        units.append(y / length.masked_fill(length == 0, 1))
    return units[0] @ units[1].T
