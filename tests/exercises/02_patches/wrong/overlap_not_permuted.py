# Tensor.unfold twice and a reshape, no permute.
# fails: overlap-order
# says: a patch holds numbers of several windows


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    p = patch_size
    windows = images.unfold(2, p, stride).unfold(3, p, stride)
    b, c, r, k = windows.shape[:4]
    return windows.reshape(b, r * k, c * p * p)
