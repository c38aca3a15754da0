# The same permutation once more, not its inverse.
# fails: back-square, back-oblong
# says: permuted as in question 1 once more


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, p, p, -1)
    return grid.permute(0, 2, 4, 3, 5, 1).reshape(len(patches), -1, height, width)
