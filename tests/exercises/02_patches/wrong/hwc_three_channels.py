# Three channels, whatever came.
# fails: hwc-any-tensor
# says: (on images of 1 channel)


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, _, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, 3, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(b, -1, p * p * 3)
