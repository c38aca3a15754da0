# The right number of patches, each one pixel short of its place.
# fails: overlap-step, overlap-rest
# says: the second patch of a row holds other pixels
import torch


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    p, s = patch_size, stride
    rows = (images.shape[2] - p) // s + 1
    columns = (images.shape[3] - p) // s + 1
    patches = []
    for row in range(rows):
        for column in range(columns):
            top, left = max(row * s - row, 0), max(column * s - column, 0)
            patches.append(images[:, :, top : top + p, left : left + p].flatten(1))
    return torch.stack(patches, 1)
