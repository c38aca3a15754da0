# Inside a patch rows and columns are exchanged.
# fails: back-square, back-oblong
# says: inside each patch, rows and columns


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, p, p, -1)
    return grid.permute(0, 5, 1, 4, 2, 3).reshape(len(patches), -1, height, width)
