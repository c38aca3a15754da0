# Rows and columns have changed places.
# fails: back-oblong
# says: the grid was read as


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    p = patch_size
    rows, columns = width // p, height // p
    grid = patches.reshape(len(patches), rows, columns, p, p, -1)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), -1, height, width)
