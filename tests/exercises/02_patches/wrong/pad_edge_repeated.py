# The picture's edge is repeated into the padding.
# fails: pad-picture
# says: something is not 0
import math

import torch


import torch.nn.functional as F


# GRADED pad_to_grid
def pad_to_grid(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i] = F.pad(image[None], (0, columns * p - w, 0, rows * p - h), mode="replicate")[0]
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)
