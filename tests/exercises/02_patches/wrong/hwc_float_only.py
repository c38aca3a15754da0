# Everything becomes float.
# fails: hwc-any-tensor
# says: torch.uint8 went in, torch.float32 came out
import torch


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    patches = torch.zeros(b, h // p * (w // p), p * p * c)
    for n in range(patches.shape[1]):
        top, left = n // (w // p) * p, n % (w // p) * p
        window = images[:, :, top : top + p, left : left + p]
        patches[:, n] = window.permute(0, 2, 3, 1).reshape(b, -1)
    return patches
