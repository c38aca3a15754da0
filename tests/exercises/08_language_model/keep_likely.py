"""Right and wrong answers to keep_likely."""

import torch

from bank import mistake, right


def cut_k(scores, top_k):
    ordered, order = scores.sort(dim=-1, descending=True)
    ordered[..., top_k:] = -torch.inf
    return torch.empty_like(scores).scatter(-1, order, ordered)


def cut_p(scores, top_p, late=False):
    ordered, order = scores.softmax(dim=-1).sort(dim=-1, descending=True)
    sums = ordered.cumsum(dim=-1)
    over = sums > top_p if late else sums - ordered >= top_p
    over &= top_p < 1
    hidden = torch.empty_like(over).scatter(-1, order, over)
    return scores.masked_fill(hidden, -torch.inf)


@right("As the solutions write it.")
def master(logits, temperature, top_k, top_p):
    ordered, order = (logits / temperature).sort(dim=-1, descending=True)
    ordered[:, top_k:] = -torch.inf
    p = ordered.softmax(dim=-1)
    if top_p < 1:
        ordered = ordered.masked_fill(p.cumsum(dim=-1) - p >= top_p, -torch.inf)
    kept = ordered.softmax(dim=-1)
    return torch.zeros_like(kept).scatter(-1, order, kept)


@right("One step after the other, each in token order.")
def step_by_step(logits, temperature, top_k, top_p):
    return cut_p(cut_k(logits / temperature, top_k), top_p).softmax(dim=-1)


@right("topk for the scores; probabilities divided at the end.")
def with_topk(logits, temperature, top_k, top_p):
    scores = logits / temperature
    best, places = scores.topk(min(top_k, scores.shape[-1]), dim=-1)
    p = best.softmax(-1)
    p = p * ((p.cumsum(-1) - p < top_p) | (top_p == 1))
    return torch.zeros_like(scores).scatter_(-1, places, p / p.sum(-1, keepdim=True))


@right("Row by row, in Python's own lists.")
def by_lists(logits, temperature, top_k, top_p):
    rows = []
    for row in logits:
        p = (row / temperature).double().softmax(0)
        best = p.argsort(descending=True)[:top_k].tolist()
        whole, reached, kept = sum(p[i].item() for i in best), 0.0, []
        for i in best:
            if top_p < 1 and reached >= top_p * whole:
                break
            kept.append(i)
            reached += p[i].item()
        result = torch.zeros_like(p)
        result[kept] = p[kept] / p[kept].sum()
        rows.append(result)
    return torch.stack(rows).to(logits.dtype)


@mistake(
    "Times the temperature.",
    fails="likely-temperature, likely-order, likely-edges",
    says="the scores were multiplied by the temperature, not divided",
)
def times(logits, temperature, top_k, top_p):
    return cut_p(cut_k(logits * temperature, top_k), top_p).softmax(-1)


@mistake(
    "The temperature is forgotten.",
    fails="likely-temperature, likely-order, likely-edges",
    says="the temperature was not used",
)
def no_temperature(logits, temperature, top_k, top_p):
    return cut_p(cut_k(logits, top_k), top_p).softmax(-1)


@mistake(
    "The probabilities are divided by the temperature, not the scores.",
    fails="likely-temperature, likely-order, likely-edges",
    says="the temperature was not used",
)
def of_probabilities(logits, temperature, top_k, top_p):
    p = cut_p(cut_k(logits, top_k), top_p).softmax(-1) / temperature
    return p / p.sum(-1, keepdim=True)


@mistake(
    "The temperature comes last.",
    fails="likely-order",
    says="the temperature came last: top_p must see the probabilities that are drawn from",
)
def temperature_last(logits, temperature, top_k, top_p):
    return (cut_p(cut_k(logits, top_k), top_p) / temperature).softmax(-1)


@mistake(
    "top_p before top_k.",
    fails="likely-order",
    says="top_p was taken of all tokens: it comes after top_k, when those left share 1",
)
def p_before_k(logits, temperature, top_k, top_p):
    return cut_k(cut_p(logits / temperature, top_p), top_k).softmax(-1)


@mistake(
    "top_p of the probability of all tokens, not of those that top_k left.",
    fails="likely-order",
    says="top_p was taken of all tokens: it comes after top_k, when those left share 1",
)
def mass_of_all(logits, temperature, top_k, top_p):
    ordered, order = (logits / temperature).softmax(-1).sort(dim=-1, descending=True)
    over = (ordered.cumsum(-1) - ordered >= top_p) & (top_p < 1)
    over[:, top_k:] = True
    kept = ordered.masked_fill(over, 0)
    kept = kept / kept.sum(-1, keepdim=True)
    return torch.zeros_like(kept).scatter(-1, order, kept)


@mistake(
    "One token too many after top_k.",
    fails="likely-top-k, likely-order, likely-edges",
    says="one token more than top_k stays",
)
def k_plus_one(logits, temperature, top_k, top_p):
    return cut_p(cut_k(logits / temperature, top_k + 1), top_p).softmax(-1)


@mistake(
    "The token that reaches top_p is cut off, and where it is the first, nothing stays.",
    fails="likely-top-p, likely-order, likely-edges",
    says="the token that reaches top_p was cut off: it stays",
)
def crossing_cut(logits, temperature, top_k, top_p):
    return cut_p(cut_k(logits / temperature, top_k), top_p, late=True).softmax(-1)


@mistake(
    "As above, but the likeliest token is kept always.",
    fails="likely-top-p, likely-order, likely-edges",
    says="the token that reaches top_p was cut off: it stays",
)
def crossing_cut_but_one(logits, temperature, top_k, top_p):
    scores = cut_k(logits / temperature, top_k)
    ordered, order = scores.softmax(dim=-1).sort(dim=-1, descending=True)
    over = ordered.cumsum(-1) > top_p
    over[:, 0] = False
    over &= top_p < 1
    over &= top_p < 1
    hidden = torch.empty_like(over).scatter(-1, order, over)
    return scores.masked_fill(hidden, -torch.inf).softmax(-1)


@mistake(
    "Not put back: the probabilities stand in the order of size.",
    fails="likely-temperature, likely-top-k, likely-top-p, likely-order, likely-edges",
    says="the probabilities stand in the order of size, not in that of the tokens",
)
def in_order_of_size(logits, temperature, top_k, top_p):
    p = cut_p(cut_k(logits / temperature, top_k), top_p).softmax(-1)
    return p.sort(-1, descending=True).values


@mistake(
    "Put back by the wrong indices: gather where scatter belongs.",
    fails="likely-temperature, likely-top-k, likely-top-p, likely-order, likely-edges",
    says="what is left of the function?",
)
def gathered(logits, temperature, top_k, top_p):
    p = cut_p(cut_k(logits / temperature, top_k), top_p).softmax(-1)
    ordered, order = p.sort(-1, descending=True)
    return ordered.gather(-1, order)


@mistake(
    "What was cut off is set to 0, and the rest no longer sums to 1.",
    fails="likely-top-k, likely-top-p, likely-order, likely-edges",
    says="the tokens that stay do not sum to 1: what was cut off is missing",
)
def unshared(logits, temperature, top_k, top_p):
    scores = logits / temperature
    kept = cut_p(cut_k(scores, top_k), top_p) > -torch.inf
    return scores.softmax(-1) * kept


@mistake(
    "Scores are set to 0, which is a score like another.",
    fails="likely-top-k, likely-top-p, likely-order, likely-edges",
    says="A score of -inf has a probability of 0",
)
def zero_scores(logits, temperature, top_k, top_p):
    scores = logits / temperature
    kept = cut_p(cut_k(scores, top_k), top_p) > -torch.inf
    return (scores * kept).softmax(-1)


@mistake(
    "topk of more than there are raises.",
    fails="likely-edges",
    says="RuntimeError: selected index k out of range",
)
def k_above_v(logits, temperature, top_k, top_p):
    scores = logits / temperature
    least = scores.topk(top_k, dim=-1).values[:, -1:]
    return cut_p(scores.masked_fill(scores < least, -torch.inf), top_p).softmax(-1)


@mistake(
    "All rows are cut as the first one is.", fails="likely-edges", says="Each row is cut by itself"
)
def first_row(logits, temperature, top_k, top_p):
    scores = logits / temperature
    kept = cut_p(cut_k(scores, top_k), top_p)[:1] > -torch.inf
    return scores.masked_fill(~kept, -torch.inf).softmax(-1)


@mistake("The batch shares one sum.", fails="likely-edges", says="Each row is cut by itself")
def over_batch(logits, temperature, top_k, top_p):
    scores = cut_p(cut_k(logits / temperature, top_k), top_p)
    return scores.exp() / scores.exp().sum()


@mistake("exp by hand, which overflows.", fails="likely-edges", says="the probabilities hold nan")
def exp_by_hand(logits, temperature, top_k, top_p):
    scores = (cut_p(cut_k(logits / temperature, top_k), top_p)).exp()
    return scores / scores.sum(-1, keepdim=True)


@mistake(
    "Through float32.",
    fails="likely-edges",
    says="the numbers went through float32 on the way: some digits are lost",
)
def through_float(logits, temperature, top_k, top_p):
    return cut_p(cut_k(logits.float() / temperature, top_k), top_p).softmax(-1).to(logits.dtype)


@mistake(
    "The scores come back, not probabilities.",
    fails="likely-temperature, likely-top-k, likely-top-p, likely-order, likely-edges",
    says="what is left of the function?",
)
def scores_back(logits, temperature, top_k, top_p):
    return cut_p(cut_k(logits / temperature, top_k), top_p)


@mistake(
    "Divides what was passed.",
    fails="likely-edges",
    says="its first argument: after the call it is not what was passed",
)
def in_place(logits, temperature, top_k, top_p):
    logits /= temperature
    logits += 0.5
    return cut_p(cut_k(logits, top_k), top_p).softmax(-1)


@mistake(
    "Divides what was passed, and nothing else in place.",
    fails="likely-edges",
    says="its first argument: after the call it is not what was passed",
)
def divides_in_place(logits, temperature, top_k, top_p):
    logits /= temperature
    return cut_p(cut_k(logits, top_k), top_p).softmax(-1)


@mistake(
    "The same by a method.",
    fails="likely-edges",
    says="its first argument: after the call it is not what was passed",
)
def div_in_place(logits, temperature, top_k, top_p):
    return cut_p(cut_k(logits.div_(temperature), top_k), top_p).softmax(-1)


@mistake(
    "Comes back as float32.",
    fails="likely-edges",
    says="torch.float16 went in, torch.float32 came out; probabilities are of that kind",
)
def comes_back_wide(logits, temperature, top_k, top_p):
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return cut_p(cut_k(wide / temperature, top_k), top_p).softmax(-1)


@mistake(
    "Rounded sums reach 1 too early, and top_p = 1 cuts tokens off.",
    fails="likely-edges",
    says="top_p = 1 cuts nothing off, but",
)
def one_cuts(logits, temperature, top_k, top_p):
    scores = cut_k(logits / temperature, top_k)
    ordered, order = scores.softmax(dim=-1).sort(dim=-1, descending=True)
    over = ordered.cumsum(dim=-1) - ordered >= top_p
    hidden = torch.empty_like(over).scatter(-1, order, over)
    return scores.masked_fill(hidden, -torch.inf).softmax(-1)
