# Channels stay last, and the shape says otherwise.
# fails: back-square, back-oblong
# says: the numbers of one channel do not stand together


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, p, p, -1)
    return grid.permute(0, 1, 3, 2, 4, 5).reshape(len(patches), -1, height, width)
