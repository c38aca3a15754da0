"""Right and wrong answers to merge_class_token."""

import torch

from bank import mistake, right


@right("As the solutions write it.")
def master(patches, class_token, positions):
    first = class_token.expand(len(patches), 1, -1)
    return torch.cat((first, patches), dim=1) + positions


@right("Repeated, and the positions added in two parts.")
def in_two_parts(patches, class_token, positions):
    first = (class_token + positions[0]).repeat(patches.shape[0], 1, 1)
    return torch.cat([first, patches + positions[1:]], 1)


@right("A loop over pictures.")
def loop(patches, class_token, positions):
    return torch.stack([torch.vstack([class_token[None], one]) + positions for one in patches])


@right("An empty tensor filled by slices.")
def filled(patches, class_token, positions):
    batch, count, width = patches.shape
    result = patches.new_empty(batch, count + 1, width)
    result[:, 0] = class_token
    result[:, 1:] = patches
    return result + positions[None]


@mistake("At the end.", fails="cls-values, cls-batch, cls-kind", says="stands at the end")
def at_the_end(patches, class_token, positions):
    return torch.cat((patches, class_token.expand(len(patches), 1, -1)), dim=1) + positions


@mistake("No position on the class token.", fails="cls-values, cls-batch, cls-kind",
         says="no position")  # fmt: skip
def class_without_place(patches, class_token, positions):
    first = class_token.expand(len(patches), 1, -1)
    return torch.cat((first, patches + positions[1:]), dim=1)


@mistake("One position for all.", fails="cls-values, cls-batch, cls-kind",
         says="every token got the class token's position")  # fmt: skip
def one_place(patches, class_token, positions):
    return torch.cat((class_token.expand(len(patches), 1, -1), patches), 1) + positions[0]


@mistake("No positions.", fails="cls-values, cls-batch, cls-kind", says="no position was added")
def no_places(patches, class_token, positions):
    return torch.cat((class_token.expand(len(patches), 1, -1), patches), 1)


@mistake("Patches' positions are counted from the class token's row.",
         fails="cls-values, cls-batch, cls-kind", says="of the place before it")  # fmt: skip
def one_off(patches, class_token, positions):
    first = (class_token + positions[0]).expand(len(patches), 1, -1)
    return torch.cat((first, patches + positions[:-1]), 1)


@mistake("Positions along the batch.", fails="cls-values, cls-batch, cls-kind, cls-slopes",
         says="RuntimeError")  # fmt: skip
def along_the_batch(patches, class_token, positions):
    tokens = torch.cat((class_token.expand(len(patches), 1, -1), patches), 1)
    return tokens + positions[: len(patches), None].expand(tokens.shape[1], -1, -1)


@mistake("Positions along the batch, a row for each picture.",
         fails="cls-values, cls-batch, cls-kind",
         says="each picture got one row for all its tokens")  # fmt: skip
def row_of_the_picture(patches, class_token, positions):
    tokens = torch.cat((class_token.expand(len(patches), 1, -1), patches), 1)
    return tokens + positions[: len(patches), None]


@mistake(
    "Written into the patches that were passed.",
    fails="cls-batch, cls-slopes",
    says="changed its first argument",
)
def in_place(patches, class_token, positions):
    patches.data += positions[1:]
    return torch.cat(((class_token + positions[0]).expand(len(patches), 1, -1), patches), 1)


@mistake("Through float32.", fails="cls-kind", says="came out")
def single(patches, class_token, positions):
    return master(patches.float(), class_token.float(), positions.float())


@mistake("The class token is taken as numbers.", fails="cls-slopes", says="no gradient reaches")
def token_detached(patches, class_token, positions):
    return master(patches, class_token.detach(), positions)


@mistake("The first row is the position alone.",
         fails="cls-values, cls-batch, cls-kind", says="where is the class token")  # fmt: skip
def class_token_forgotten(patches, class_token, positions):
    return master(patches, torch.zeros_like(class_token), positions)


@mistake("float64 patches pass through float32.", fails="cls-kind", says=("rounded", "float32"))
def patches_rounded(patches, class_token, positions):
    return master(patches.float().to(patches.dtype), class_token, positions)


@mistake("The class token and its position at the end.", fails="cls-values, cls-batch, cls-kind",
         says="and its position stand at the end")  # fmt: skip
def both_at_the_end(patches, class_token, positions):
    last = (class_token + positions[0]).expand(len(patches), 1, -1)
    return torch.cat((patches + positions[1:], last), dim=1)
