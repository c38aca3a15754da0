# A patch counts as picture when its mean is above 0.
# fails: pad-mask
# says: a black picture is marked as padding
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
    patches = batch.double().reshape(len(images), -1, rows, p, columns, p)
    return batch, (patches.mean((1, 3, 5)) > 0).flatten(1)
