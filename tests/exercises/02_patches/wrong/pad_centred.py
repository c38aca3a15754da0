# The picture stands in the middle of its frame.
# fails: pad-picture
# says: does not hold the picture, unchanged
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
        top, left = (rows * p - h) // 2, (columns * p - w) // 2
        batch[i, :, top : top + h, left : left + w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)
