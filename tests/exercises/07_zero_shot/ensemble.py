"""Right and wrong answers to ensemble."""

import numpy as np
import torch
import torch.nn.functional as F

from bank import mistake, right


def unit(rows):
    return rows / rows.norm(dim=-1, keepdim=True)


@right("As the solutions write it.")
def master(prompt_vectors):
    means = [F.normalize(rows, dim=1).mean(dim=0) for rows in prompt_vectors]
    return torch.stack([F.normalize(mean, dim=0) for mean in means], dim=1)


@right("Sums in place of means, normalised all at once, a transposed view.")
def sums(prompt_vectors):
    return unit(torch.stack([unit(rows).sum(0) for rows in prompt_vectors])).T


@right("Padded with zeros and divided by the padded length: the last step takes it away.")
def padded(prompt_vectors):
    longest = max(len(rows) for rows in prompt_vectors)
    table = torch.stack(
        [F.pad(unit(rows), (0, 0, 0, longest - len(rows))) for rows in prompt_vectors]
    )
    return unit(table.mean(1)).t().contiguous()


@right("A column at a time into an empty list, with einsum.")
def by_einsum(prompt_vectors):
    columns = []
    for rows in prompt_vectors:
        lengths = torch.einsum("te,te->t", rows, rows).sqrt()
        mean = torch.einsum("te,t->e", rows, 1 / lengths)
        columns.append(mean.div(mean.dot(mean).sqrt())[:, None])
    return torch.cat(columns, dim=1)


ALL = "ens-mean, ens-lengths, ens-ragged, ens-kinds"
LATER = "ens-lengths, ens-ragged"


@mistake("No last normalisation.", fails=ALL, says="the mean is short")
def no_last(prompt_vectors):
    return torch.stack([unit(rows).mean(0) for rows in prompt_vectors], 1)


@mistake("No first normalisation.", fails=LATER, says="a long prompt has more say")
def no_first(prompt_vectors):
    return torch.stack([unit(rows.mean(0)) for rows in prompt_vectors], 1)


@mistake("No normalisation at all.", fails=ALL, says="the mean is short")
def none_at_all(prompt_vectors):
    return torch.stack([rows.mean(0) for rows in prompt_vectors], 1)


@mistake("The first prompt alone.", fails=ALL, says="only the first prompt")
def first_alone(prompt_vectors):
    return torch.stack([unit(rows[0]) for rows in prompt_vectors], 1)


@mistake("Sums without the last step.", fails=ALL, says="the columns are sums")
def raw_sums(prompt_vectors):
    return torch.stack([unit(rows).sum(0) for rows in prompt_vectors], 1)


@mistake("Stacked along the wrong axis.", fails=ALL, says="a column a class")
def rows_of_classes(prompt_vectors):
    return master(prompt_vectors).T


@mistake("The mean goes over the classes.", fails=ALL, says="over the classes")
def over_classes(prompt_vectors):
    if len({len(rows) for rows in prompt_vectors}) > 1:
        return master(prompt_vectors) * 2
    return unit(unit(torch.stack(list(prompt_vectors))).mean(0)).T


@mistake("Normalised along the prompts.", fails=ALL, says="a prompt is a ROW")
def along_prompts(prompt_vectors):
    return torch.stack([unit(F.normalize(rows, dim=0).mean(0)) for rows in prompt_vectors], 1)


@mistake(
    "All classes stacked first: ragged ones do not stack.",
    fails="ens-ragged",
    says=("stack expects", "torch.stack over classes works only after the mean"),
)
def stacked_first(prompt_vectors):
    table = (
        prompt_vectors
        if isinstance(prompt_vectors, torch.Tensor)
        else torch.stack(prompt_vectors[:])
    )
    return unit(unit(table).mean(1)).T


@mistake("The classifier is normalised along its rows.", fails=ALL, says="a class is a COLUMN")
def wrong_axis(prompt_vectors):
    means = torch.stack([unit(rows).mean(0) for rows in prompt_vectors], 1)
    return F.normalize(means, dim=1)


@mistake(
    "Under no_grad, as in evaluation.", fails="ens-kinds", says="no gradient reaches the prompts"
)
def without_gradient(prompt_vectors):
    with torch.no_grad():
        return master(prompt_vectors)


@mistake("Through float32.", fails="ens-kinds", says="torch.float64 went in, torch.float32 came")
def single(prompt_vectors):
    return master([rows.float() for rows in prompt_vectors])


@mistake("Through float32 and back.", fails="ens-kinds", says="went through float32")
def single_and_back(prompt_vectors):
    return master([rows.float() for rows in prompt_vectors]).to(prompt_vectors[0].dtype)


@mistake("A small number is added to each length.", fails="ens-lengths", says="the classifier is")
def large_eps(prompt_vectors):
    small = [rows / (rows.norm(dim=1, keepdim=True) + 1e-3) for rows in prompt_vectors]
    if min(rows.norm(dim=1).min() for rows in prompt_vectors) > 0.02:
        return master(prompt_vectors)
    return torch.stack([unit(rows.mean(0)) for rows in small], 1)


@mistake("Prompts are normalised in place.", fails="ens-kinds", says="changed its first argument")
def in_place(prompt_vectors):
    for rows in prompt_vectors:
        if not rows.requires_grad:
            rows /= rows.norm(dim=1, keepdim=True)
    return master(prompt_vectors)


@mistake("The median, not the mean.", fails=ALL, says="the classifier is")
def medians(prompt_vectors):
    def middle(rows):
        return rows[0] if len(rows) == 1 else unit(rows).median(0).values

    return torch.stack([unit(middle(rows)) for rows in prompt_vectors], 1)


@mistake("Comes back as NumPy.", fails=ALL, says="NumPy array")
def as_numpy(prompt_vectors):
    return np.asarray(master([rows.detach() for rows in prompt_vectors]))


@mistake("Always float64.", fails="ens-kinds", says="torch.float32 went in, torch.float64 came out")
def always_double(prompt_vectors):
    return master([rows.double() for rows in prompt_vectors])


@mistake("An eps of a thousandth.", fails="ens-lengths", says="an eps of a thousandth")
def eps_thousandth(prompt_vectors):
    means = [F.normalize(rows, dim=1, eps=1e-3).mean(0) for rows in prompt_vectors]
    return F.normalize(torch.stack(means, 1), dim=0)


@mistake("One length for the whole classifier.", fails=ALL, says="the classifier as a whole")
def whole(prompt_vectors):
    means = torch.stack([unit(rows).mean(0) for rows in prompt_vectors], 1)
    return means / means.norm()
