# A whole patch is added to what divides already.
# fails: pad-shape
# says: one that fits already
import math

import torch


# GRADED pad_to_grid
def pad_to_grid(images, patch_size):
    p = patch_size
    rows = max(image.shape[1] // p + 1 for image in images)
    columns = max(image.shape[2] // p + 1 for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)
