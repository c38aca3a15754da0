# The last window is forgotten.
# fails: overlap-count
# says: wanted
import torch


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    p, s = patch_size, stride
    patches = [
        images[:, :, top : top + p, left : left + p].flatten(1)
        for top in range(0, images.shape[2] - p, s)
        for left in range(0, images.shape[3] - p, s)
    ]
    return torch.stack(patches, 1)
