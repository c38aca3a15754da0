# Width before height in the new grid.
# fails: table-values
# says: rows and columns of the new grid have changed places
import torch
import torch.nn.functional as F


# GRADED resize_table
def resize_table(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(
        picture, size=(new_grid[1], new_grid[0]), mode="bicubic", align_corners=False
    )
    return torch.cat([kept, picture.flatten(2)[0].T])
