# On the way back column by column.
# fails: table-values, table-same
# says: of the result have changed places
import torch
import torch.nn.functional as F


# GRADED resize_table
def resize_table(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic")
    return torch.cat([kept, picture[0].permute(2, 1, 0).flatten(0, 1)])
