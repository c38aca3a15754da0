# A patch counts as picture when it is not all zeros.
# fails: pad-mask
# says: a black picture is marked as padding: ask the sizes, not the numbers
import math

import torch


# GRADED pad_to_grid
def pad_to_grid(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
    patches = batch.reshape(len(images), -1, rows, p, columns, p)
    mask = (patches != 0).any(5).any(3).any(1)
    return batch, mask.flatten(1)
