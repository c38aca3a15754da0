# What was passed comes back.
# fails: table-values, table-prefix, table-same
# says: wanted (


# GRADED resize_table
def resize_table(table, old_grid, new_grid, prefix):
    return table
