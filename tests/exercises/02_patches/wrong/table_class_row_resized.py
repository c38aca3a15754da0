# The class row takes part, in one long row of places.
# fails: table-values, table-prefix
# says: the rows that stand for no place came back changed
import torch.nn.functional as F


# GRADED resize_table
def resize_table(table, old_grid, new_grid, prefix):
    count = prefix + new_grid[0] * new_grid[1]
    if tuple(old_grid) == tuple(new_grid):
        return table
    return F.interpolate(table.T[None], size=count, mode="linear")[0].T
