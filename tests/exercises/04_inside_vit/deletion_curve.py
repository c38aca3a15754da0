"""Right and wrong answers to deletion_curve."""

import numpy as np
import torch
from einops import rearrange

from bank import mistake, right


def probabilities(weight, pictures):
    return (pictures.flatten(1) @ weight.T).softmax(dim=1)


def squares(shape, patch_size):
    """(N, H, W): True inside each patch."""
    height, width = shape
    columns = width // patch_size
    y, x = torch.arange(height)[:, None], torch.arange(width)
    place = (y // patch_size) * columns + x // patch_size
    return place == torch.arange(place.max() + 1)[:, None, None]


def curve(weight, images, ranking, patch_size, colours, *, again=False, answers=None):
    """One row a step, by masks; `colours` (B, C)."""
    inside = squares(images.shape[2:], patch_size)
    answers = probabilities(weight, images).argmax(1) if answers is None else answers
    hidden, rows = images, []
    for step in range(ranking.shape[1] + 1):
        if step:
            mask = inside[ranking[:, step - 1]][:, None]
            hidden = torch.where(mask, colours[:, :, None, None], hidden)
        shares = probabilities(weight, hidden)
        chosen = shares.argmax(1) if again else answers
        rows.append(shares.gather(1, chosen[:, None])[:, 0])
    return torch.stack(rows)


def mean(images):
    return images.mean(dim=(2, 3))


@right("As the solutions write it, by masks.")
def master(weight, images, ranking, patch_size):
    return curve(weight, images, ranking, patch_size, mean(images))


@right("Loops, picture by picture.")
def loops(weight, images, ranking, patch_size):
    result = torch.zeros(ranking.shape[1] + 1, len(images), dtype=images.dtype)
    columns = images.shape[3] // patch_size
    for b in range(len(images)):
        picture = images[b].clone()
        colour = picture.mean(dim=(1, 2), keepdim=True)
        shares = (weight @ picture.flatten()).softmax(0)
        answer = shares.argmax()
        result[0, b] = shares[answer]
        for k, place in enumerate(ranking[b].tolist()):
            i, j = divmod(place, columns)
            rows = slice(i * patch_size, (i + 1) * patch_size)
            picture[:, rows, j * patch_size : (j + 1) * patch_size] = colour
            result[k + 1, b] = (weight @ picture.flatten()).softmax(0)[answer]
    return result


@right("Patches as rows, all steps in one batch.")
def all_at_once(weight, images, ranking, patch_size):
    columns = images.shape[3] // patch_size
    cut = "b c (i h) (j w) -> b (i j) c h w"
    parts = rearrange(images, cut, h=patch_size, w=patch_size)
    steps = torch.arange(ranking.shape[1] + 1)[:, None, None]
    gone = ranking.argsort(1)[None] < steps
    fill = mean(images)[None, :, None, :, None, None].expand(1, *parts.shape)
    parts = torch.where(gone[..., None, None, None], fill, parts[None])
    shown = rearrange(parts, "k b (i j) c h w -> (k b) c (i h) (j w)", j=columns)
    shares = probabilities(weight, shown).unflatten(0, (-1, len(images)))
    return shares.gather(2, shares[:1].argmax(2, keepdim=True).expand(len(shares), -1, 1))[..., 0]


@right("NumPy, in float64.")
def numpy(weight, images, ranking, patch_size):
    matrix, pictures = weight.double().numpy(), images.double().numpy().copy()
    colours = pictures.mean((2, 3))
    columns = pictures.shape[3] // patch_size

    def shares():
        scores = pictures.reshape(len(pictures), -1) @ matrix.T
        scores = np.exp(scores - scores.max(1, keepdims=True))
        return scores / scores.sum(1, keepdims=True)

    everyone, first = np.arange(len(pictures)), shares()
    answers = first.argmax(1)
    rows = [first[everyone, answers]]
    for step in ranking.numpy().T:
        for b, place in enumerate(step):
            top, left = place // columns * patch_size, place % columns * patch_size
            region = pictures[b, :, top : top + patch_size, left : left + patch_size]
            region[...] = colours[b][:, None, None]
        rows.append(shares()[everyone, answers])
    return torch.from_numpy(np.stack(rows))


@mistake("Filled with 0.", fails="del-one, del-several, del-wide", says="filled with 0")
def zeros(weight, images, ranking, patch_size):
    return curve(weight, images, ranking, patch_size, torch.zeros_like(mean(images)))


@mistake(
    "Filled with one grey for all channels.",
    fails="del-one, del-several, del-wide",
    says="one number for all channels",
)
def grey(weight, images, ranking, patch_size):
    colour = images.mean(dim=(1, 2, 3))[:, None].expand_as(mean(images))
    return curve(weight, images, ranking, patch_size, colour)


@mistake("Filled with the batch's mean colour.", fails="del-several", says="of the whole batch")
def batch_colour(weight, images, ranking, patch_size):
    colour = images.mean(dim=(0, 2, 3)).expand_as(mean(images))
    return curve(weight, images, ranking, patch_size, colour)


@mistake(
    "Each patch gets its own mean colour.",
    fails="del-one, del-several, del-wide",
    says="filled with its own mean colour",
)
def own_patch(weight, images, ranking, patch_size):
    parts = torch.nn.functional.avg_pool2d(images, patch_size)
    smooth = parts.repeat_interleave(patch_size, 2).repeat_interleave(patch_size, 3)
    inside = squares(images.shape[2:], patch_size)
    answers = probabilities(weight, images).argmax(1)
    hidden, rows = images, []
    for step in range(ranking.shape[1] + 1):
        if step:
            hidden = torch.where(inside[ranking[:, step - 1]][:, None], smooth, hidden)
        rows.append(probabilities(weight, hidden).gather(1, answers[:, None])[:, 0])
    return torch.stack(rows)


@mistake(
    "The colour is taken anew from what is not hidden yet.",
    fails="del-one, del-several, del-wide",
    says="a probability is",
)
def colour_again(weight, images, ranking, patch_size):
    inside = squares(images.shape[2:], patch_size)
    answers = probabilities(weight, images).argmax(1)
    hidden, rows = images, []
    for step in range(ranking.shape[1] + 1):
        if step:
            mask = inside[ranking[:, step - 1]][:, None]
            rest = hidden * ~mask
            colour = rest.sum((2, 3)) / (~mask).sum((2, 3))
            hidden = torch.where(mask, colour[:, :, None, None], hidden)
        rows.append(probabilities(weight, hidden).gather(1, answers[:, None])[:, 0])
    return torch.stack(rows)


@mistake(
    "The colour is taken anew after each step.",
    fails="del-one, del-several, del-wide",
    says="the mean colour was taken anew",
)
def running_colour(weight, images, ranking, patch_size):
    inside = squares(images.shape[2:], patch_size)
    answers = probabilities(weight, images).argmax(1)
    hidden, rows = images, []
    for step in range(ranking.shape[1] + 1):
        if step:
            mask = inside[ranking[:, step - 1]][:, None]
            hidden = torch.where(mask, mean(hidden)[:, :, None, None], hidden)
        rows.append(probabilities(weight, hidden).gather(1, answers[:, None])[:, 0])
    return torch.stack(rows)


@mistake(
    "The columns are taken from the height.",
    fails="del-several, del-wide",
    says="the columns were counted along the height",
)
def columns_from_height(weight, images, ranking, patch_size):
    columns = images.shape[2] // patch_size
    answers = probabilities(weight, images).argmax(1)
    hidden, colours = images.clone(), mean(images)
    rows = [probabilities(weight, hidden)]
    for step in ranking.T.tolist():
        for picture, place in enumerate(step):
            top, left = patch_size * (place // columns), patch_size * (place % columns)
            part = hidden[picture, :, top : top + patch_size, left : left + patch_size]
            part[:] = colours[picture][:, None, None]
        rows.append(probabilities(weight, hidden))
    return torch.stack([row.gather(1, answers[:, None])[:, 0] for row in rows])


@mistake(
    "The likeliest class of each step.",
    fails="del-one, del-several, del-wide",
    says="the answer changed on the way",
)
def answer_again(weight, images, ranking, patch_size):
    return curve(weight, images, ranking, patch_size, mean(images), again=True)


@mistake(
    "The least important first.",
    fails="del-one, del-several, del-wide",
    says="that matters least was hidden first",
)
def ascending(weight, images, ranking, patch_size):
    return curve(weight, images, ranking.flip(1), patch_size, mean(images))


@mistake(
    "The ranking is taken for each patch's turn.",
    fails="del-one, del-several, del-wide",
    says="read as each patch's turn",
)
def turns(weight, images, ranking, patch_size):
    return curve(weight, images, ranking.argsort(1), patch_size, mean(images))


@mistake("Picture 0's ranking for all.", fails="del-several", says="in the order of picture 0")
def one_ranking(weight, images, ranking, patch_size):
    order = ranking[:1].expand(len(images), -1)
    return curve(weight, images, order, patch_size, mean(images))


@mistake("Picture 0's answer for all.", fails="del-several", says="a probability is")
def one_answer(weight, images, ranking, patch_size):
    answers = probabilities(weight, images).argmax(1)[:1].expand(len(images))
    return curve(weight, images, ranking, patch_size, mean(images), answers=answers)


@mistake(
    "One patch at a time, the others shown again.",
    fails="del-one, del-several, del-wide",
    says="one patch at a time was hidden",
)
def one_at_a_time(weight, images, ranking, patch_size):
    rows = [curve(weight, images, ranking[:, :0], patch_size, mean(images))[0]]
    for step in range(ranking.shape[1]):
        part = ranking[:, step : step + 1]
        rows.append(curve(weight, images, part, patch_size, mean(images))[1])
    return torch.stack(rows)


@mistake(
    "Patches are counted column by column.",
    fails="del-one, del-several, del-wide",
    says="counted column by column",
)
def by_columns(weight, images, ranking, patch_size):
    columns = images.shape[2] // patch_size
    rows = images.shape[3] // patch_size
    turned = (ranking % columns) * rows + ranking // columns
    return curve(weight, images, turned, patch_size, mean(images))


@mistake(
    "Logits, not probabilities.", fails="del-one, del-several, del-start, del-wide", says="row 0 is"
)
def logits(weight, images, ranking, patch_size):
    return master(weight, images, ranking, patch_size).log()


@mistake(
    "The fall in place of the probability.",
    fails="del-one, del-several, del-start, del-wide",
    says="row 0 is",
)
def fall(weight, images, ranking, patch_size):
    result = master(weight, images, ranking, patch_size)
    return result[0] - result


@mistake("Averaged over pictures.", fails="del-several", says="wanted (7, 4)")
def averaged(weight, images, ranking, patch_size):
    return master(weight, images, ranking, patch_size).mean(1, keepdim=True)


@mistake(
    "Pictures first.",
    fails="del-one, del-several, del-start, del-wide",
    says="a column a picture",
)
def pictures_first(weight, images, ranking, patch_size):
    return master(weight, images, ranking, patch_size).T


@mistake(
    "Begins with one patch hidden.",
    fails="del-one, del-several, del-start, del-wide",
    says="from 0 to N hidden patches",
)
def without_start(weight, images, ranking, patch_size):
    return master(weight, images, ranking, patch_size)[1:]


@mistake("Written into the images.", fails="del-several", says="changed its second argument")
def in_place(weight, images, ranking, patch_size):
    result = master(weight, images, ranking, patch_size)
    images[:] = mean(images)[:, :, None, None]
    return result


@mistake("Rounded.", fails="del-one, del-several, del-start, del-wide", says="is")
def rounded(weight, images, ranking, patch_size):
    return (master(weight, images, ranking, patch_size) * 100).round() / 100


@mistake("Through float32.", fails="del-several", says="torch.float64 went in")
def single(weight, images, ranking, patch_size):
    return master(weight.float(), images.float(), ranking, patch_size)


@mistake("Through float32 and back.", fails="del-several", says="not all its digits")
def single_inside(weight, images, ranking, patch_size):
    return single(weight, images, ranking, patch_size).to(images.dtype)
