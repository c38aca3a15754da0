# Mask and batch in the other order.
# fails: pad-shape, pad-picture, pad-mask-kind, pad-mask
# says: returned the mask first
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
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return mask.flatten(1), batch
