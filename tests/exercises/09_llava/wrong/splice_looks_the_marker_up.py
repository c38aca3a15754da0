# The marker is looked up in the table first.
# fails: splice-one, splice-several, splice-batch, splice-padding, splice-words
# says: IndexError
import torch


# GRADED splice
def splice(rows, features, table):
    words = [table[torch.tensor(row)] for row in rows]
    return torch.stack(words), torch.ones(len(rows), len(words[0]), dtype=torch.bool)
