# A view of a permuted tensor, which never lies in one piece.
# fails: hwc-shape, hwc-order-of-patches, hwc-order-inside, hwc-any-tensor
# says: RuntimeError: view size is not compatible


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.view(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.view(b, -1, p * p * c)
