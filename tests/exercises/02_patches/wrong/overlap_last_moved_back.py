# One more window at the edge, moved back to fit.
# fails: overlap-rest
# says: patches came back, wanted 6
import torch


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    p = patch_size
    h, w = images.shape[2:]
    tops = sorted({*range(0, h - p + 1, stride), h - p})
    lefts = sorted({*range(0, w - p + 1, stride), w - p})
    cut = [images[:, :, t : t + p, l : l + p].flatten(1) for t in tops for l in lefts]
    return torch.stack(cut, 1)
