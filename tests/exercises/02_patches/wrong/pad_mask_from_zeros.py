# The mask is found by looking for zeros, after the numbers were normalised.
# fails: pad-mask
# says: is marked False
import math

import torch


# GRADED pad_to_grid
def pad_to_grid(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        patches = batch[i].reshape(-1, rows, p, columns, p)
        mask[i] = patches[:, :, 0, :, 0].sum(0) > 3 * p * p
    return batch, mask.flatten(1)
