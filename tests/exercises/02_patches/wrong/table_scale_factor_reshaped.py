# By a scale factor, and a reshape to the size that was wanted.
# fails: table-values
# says: (from 2×11 to 3×15)
import torch
import torch.nn.functional as F


# GRADED resize_table
def resize_table(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    factors = (new_grid[0] / old_grid[0], new_grid[1] / old_grid[1])
    picture = F.interpolate(picture, scale_factor=factors, mode="bicubic")
    picture = picture.permute(0, 2, 3, 1)
    return torch.cat([kept, picture.reshape(new_grid[0] * new_grid[1], -1)])
