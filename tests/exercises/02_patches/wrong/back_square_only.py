# The grid's sides are the root of N.
# fails: back-oblong
# says: columns of patches)


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    b, n, _ = patches.shape
    side = int(n**0.5)
    grid = patches.reshape(b, side, side, patch_size, patch_size, -1)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(b, -1, height, width)
