# The number of windows is computed as H // S - P // S + 1.
# fails: overlap-rest
# says: patches came back, wanted 6
import torch


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    p, s = patch_size, stride
    h, w = images.shape[2:]
    cut = []
    for row in range(h // s - p // s + 1):
        for column in range(w // s - p // s + 1):
            window = images[:, :, row * s : row * s + p, column * s : column * s + p]
            padded = images.new_zeros(*window.shape[:2], p, p)
            padded[:, :, : window.shape[2], : window.shape[3]] = window
            cut.append(padded.flatten(1))
    return torch.stack(cut, 1)
