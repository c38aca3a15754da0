# By a scale factor, which is rounded down.
# fails: table-values
# says: an axis has 14 places, wanted 15
import torch
import torch.nn.functional as F


# GRADED resize_table
def resize_table(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    factors = (new_grid[0] / old_grid[0], new_grid[1] / old_grid[1])
    picture = F.interpolate(picture, scale_factor=factors, mode="bicubic", align_corners=False)
    return torch.cat([kept, picture.flatten(2)[0].T])
