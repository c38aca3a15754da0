# A view of the image as one row of pixels, which needs memory in one piece.
# fails: hwc-any-tensor
# says: RuntimeError: view size is not compatible
import torch


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    pixels = images.view(b, c, h * w).transpose(1, 2)
    index = torch.arange(h * w).reshape(h // p, p, w // p, p).transpose(1, 2)
    return pixels[:, index.reshape(-1, p * p)].flatten(2)
