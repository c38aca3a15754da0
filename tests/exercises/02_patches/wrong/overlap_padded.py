# What is left over is padded to one more window.
# fails: overlap-rest
# says: wanted


import torch.nn.functional as F


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    below = -(images.shape[2] - patch_size) % stride
    right = -(images.shape[3] - patch_size) % stride
    images = F.pad(images, (0, right, 0, below))
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
