# The frame is the largest picture, not a multiple of P.
# fails: pad-shape
# says: the tallest is not the widest
import math

import torch


# GRADED pad_to_grid
def pad_to_grid(images, patch_size):
    p = patch_size
    height = max(image.shape[1] for image in images)
    width = max(image.shape[2] for image in images)
    rows, columns = math.ceil(height / p), math.ceil(width / p)
    batch = images[0].new_zeros(len(images), images[0].shape[0], height, width)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)
