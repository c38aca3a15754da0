"""Right and wrong answers to next_tokens."""

import torch

from bank import mistake, right


def ends_of(logits, lengths):
    last = logits[torch.arange(len(logits)), lengths - 1]
    return last.double().softmax(dim=-1).cumsum(dim=-1)


def finish(tokens, ended, end_id):
    tokens = torch.where(ended, end_id, tokens)
    return tokens, ended | (tokens == end_id)


def passed(draws, ends):
    return ((draws[:, None] >= ends) & (ends < ends[:, -1:])).sum(dim=-1)


@right("As the solutions write it.")
def master(logits, lengths, draws, ended, end_id):
    last = logits[torch.arange(len(logits)), lengths - 1]
    ends = last.double().softmax(dim=-1).cumsum(dim=-1)
    passed = (draws[:, None] >= ends) & (ends < ends[:, -1:])
    tokens = passed.sum(dim=-1)
    tokens = torch.where(ended, end_id, tokens)
    return tokens, ended | (tokens == end_id)


@right("searchsorted, in float32.")
def searched(logits, lengths, draws, ended, end_id):
    index = (lengths - 1)[:, None, None].expand(-1, 1, logits.shape[2])
    ends = logits.gather(1, index)[:, 0].softmax(-1).cumsum(-1)
    last = torch.searchsorted(ends, ends[:, -1:].clone())[:, 0]
    tokens = torch.searchsorted(ends, draws[:, None], right=True)[:, 0].minimum(last)
    return finish(tokens, ended, end_id)


@right("Row by row, walking along the line.")
def by_loops(logits, lengths, draws, ended, end_id):
    tokens, flags = [], []
    for row in range(len(logits)):
        reached, token, possible = 0.0, None, 0
        for i, p in enumerate(logits[row, lengths[row] - 1].double().softmax(0).tolist()):
            reached += p
            possible = i if p > 0 else possible
            if draws[row].item() < reached:
                token = i
                break
        token = possible if token is None else token
        token = end_id if ended[row] else token
        tokens.append(token)
        flags.append(bool(ended[row]) or token == end_id)
    return torch.tensor(tokens), torch.tensor(flags)


@right("The first end that lies above, by argmax of a comparison.")
def first_above(logits, lengths, draws, ended, end_id):
    ends = ends_of(logits, lengths)
    ends[ends >= ends[:, -1:]] = 2.0
    tokens = (ends > draws[:, None]).int().argmax(dim=-1)
    tokens = tokens.masked_fill(ended, end_id)
    return tokens, torch.logical_or(ended, tokens.eq(end_id))


@mistake(
    "The likeliest token.",
    fails="next-draw, next-rows, next-last, next-ended",
    says="the likeliest token was taken: it is to be drawn",
)
def likeliest(logits, lengths, draws, ended, end_id):
    tokens = logits[torch.arange(len(logits)), lengths - 1].argmax(-1)
    return finish(tokens, ended, end_id)


@mistake(
    "The line is in the order of size.",
    fails="next-draw, next-rows, next-last, next-ended",
    says="the tokens were laid on the line in the order of size, not in that of their ids",
)
def by_size(logits, lengths, draws, ended, end_id):
    p = logits[torch.arange(len(logits)), lengths - 1].double().softmax(-1)
    p, order = p.sort(-1, descending=True)
    at = passed(draws, p.cumsum(-1))
    return finish(order.gather(-1, at[:, None])[:, 0], ended, end_id)


@mistake(
    "One number for all rows.",
    fails="next-rows, next-last, next-ended",
    says="row 0's number was used for every row",
)
def one_draw(logits, lengths, draws, ended, end_id):
    return finish(passed(draws[:1].expand_as(draws), ends_of(logits, lengths)), ended, end_id)


@mistake(
    "One token for all rows.",
    fails="next-rows, next-last, next-ended",
    says="Two rows with the same prompt",
)
def one_token(logits, lengths, draws, ended, end_id):
    tokens = passed(draws, ends_of(logits, lengths))
    return finish(tokens[:1].expand_as(tokens).clone(), ended, end_id)


@mistake(
    "The last column, in shorter rows padding.",
    fails="next-last, next-ended",
    says="the scores of the last column were taken: in a shorter row that is padding",
)
def last_column(logits, lengths, draws, ended, end_id):
    ends = logits[:, -1].double().softmax(-1).cumsum(-1)
    return finish(passed(draws, ends), ended, end_id)


@mistake(
    "The column where the longest row ends.",
    fails="next-last, next-ended",
    says="At which place does a row of n tokens end",
)
def longest_row(logits, lengths, draws, ended, end_id):
    ends = logits[:, int(lengths.max()) - 1].double().softmax(-1).cumsum(-1)
    return finish(passed(draws, ends), ended, end_id)


@mistake(
    "One place too late.",
    fails="next-last, next-ended",
    says="the scores one place too late were taken: a row of n tokens ends at place n - 1",
)
def place_too_late(logits, lengths, draws, ended, end_id):
    last = logits[torch.arange(len(logits)), lengths.clamp(max=logits.shape[1] - 1)]
    return finish(passed(draws, last.double().softmax(-1).cumsum(-1)), ended, end_id)


@mistake(
    "The first place.",
    fails="next-draw, next-rows, next-last, next-ended",
    says="the scores of the first place were taken",
)
def first_place(logits, lengths, draws, ended, end_id):
    ends = logits[:, 0].double().softmax(-1).cumsum(-1)
    return finish(passed(draws, ends), ended, end_id)


@mistake(
    "A row that had ended draws on.",
    fails="next-ended",
    says="a row that had ended was given another token than the end",
)
def draws_on(logits, lengths, draws, ended, end_id):
    tokens = passed(draws, ends_of(logits, lengths))
    return tokens, ended | (tokens == end_id)


@mistake("One end ends all.", fails="next-ended", says="one row's end has ended them all")
def one_ends_all(logits, lengths, draws, ended, end_id):
    tokens, flags = finish(passed(draws, ends_of(logits, lengths)), ended, end_id)
    return tokens, flags | flags.any()


@mistake(
    "A row that ends now is not noted.",
    fails="next-ended",
    says="a row that says the end token now is not among the ended",
)
def not_noted(logits, lengths, draws, ended, end_id):
    tokens, _ = finish(passed(draws, ends_of(logits, lengths)), ended, end_id)
    return tokens, ended.clone()


@mistake(
    "Only rows that end now are noted: what was before is forgotten.",
    fails="next-ended",
    says="wanted [False, True, True, True]",
)
def forgets(logits, lengths, draws, ended, end_id):
    drawn = passed(draws, ends_of(logits, lengths))
    return torch.where(ended, end_id, drawn), drawn == end_id


@mistake(
    "The number 0 draws the first token, even an impossible one.",
    fails="next-ended",
    says="Is 0 in a part that ends at 0?",
)
def strictly(logits, lengths, draws, ended, end_id):
    ends = ends_of(logits, lengths)
    tokens = ((draws[:, None] > ends) & (ends < ends[:, -1:])).sum(-1)
    return finish(tokens, ended, end_id)


@mistake(
    "Float sums end below 1, and a token beyond the vocabulary is drawn.",
    fails="next-ended",
    says="token 3000 of 3,000 was drawn: sums of rounded numbers may end below 1",
)
def beyond(logits, lengths, draws, ended, end_id):
    last = logits[torch.arange(len(logits)), lengths - 1].softmax(-1)
    ends = (last * (1 - 2.0**-20)).cumsum(-1)
    return finish((draws[:, None] >= ends).sum(-1), ended, end_id)


@mistake(
    "The token before.",
    fails="next-draw, next-rows, next-last, next-ended",
    says="Add the probabilities up",
)
def one_too_low(logits, lengths, draws, ended, end_id):
    tokens = (passed(draws, ends_of(logits, lengths)) - 1).clamp(min=0)
    return finish(tokens, ended, end_id)


@mistake(
    "The scores are laid on the line, without a softmax.",
    fails="next-draw, next-rows, next-last, next-ended",
    says="Add the probabilities up",
)
def no_softmax(logits, lengths, draws, ended, end_id):
    last = logits[torch.arange(len(logits)), lengths - 1].double().clamp(min=0)
    return finish(passed(draws, last.cumsum(-1)), ended, end_id)


@mistake(
    "The tokens alone come back.",
    fails="next-draw, next-rows, next-last, next-ended",
    says="next_tokens returned a tensor of shape",
)
def tokens_alone(logits, lengths, draws, ended, end_id):
    return finish(passed(draws, ends_of(logits, lengths)), ended, end_id)[0]


@mistake(
    "The tokens come back as floats.",
    fails="next-draw, next-rows, next-last, next-ended",
    says="next_tokens returned torch.float32 numbers, wanted whole ones such as torch.int64",
)
def float_tokens(logits, lengths, draws, ended, end_id):
    tokens, flags = finish(passed(draws, ends_of(logits, lengths)), ended, end_id)
    return tokens.float(), flags


@mistake(
    "ended is 0 and 1, not False and True.",
    fails="next-ended",
    says="next_tokens's ended holds torch.int64 numbers, wanted torch.bool",
)
def numbers_for_flags(logits, lengths, draws, ended, end_id):
    tokens, flags = finish(passed(draws, ends_of(logits, lengths)), ended, end_id)
    return tokens, flags.long()


@mistake(
    "Writes into ended.",
    fails="next-ended",
    says="its fourth argument: after the call it is not what was passed",
)
def in_place(logits, lengths, draws, ended, end_id):
    tokens = torch.where(ended, end_id, passed(draws, ends_of(logits, lengths)))
    ended |= tokens == end_id
    return tokens, ended


@mistake(
    "Drawn anew by torch at each call.",
    fails="next-draw, next-rows, next-last, next-ended",
    says="the same arguments gave other tokens the second time",
)
def multinomial(logits, lengths, draws, ended, end_id):
    p = logits[torch.arange(len(logits)), lengths - 1].softmax(-1)
    return finish(torch.multinomial(p, 1)[:, 0], ended, end_id)


@mistake(
    "Behind the last end comes the last token, even an impossible one.",
    fails="next-ended",
    says="was drawn, and its probability is 0: sums of rounded numbers may end below 1",
)
def clamped(logits, lengths, draws, ended, end_id):
    last = logits[torch.arange(len(logits)), lengths - 1]
    ends = last.softmax(dim=-1).cumsum(dim=-1)
    tokens = (draws[:, None] >= ends).sum(dim=-1).clamp(max=ends.shape[-1] - 1)
    return finish(tokens, ended, end_id)


@mistake(
    "Behind the last end comes token 0: argmax of no True.",
    fails="next-ended",
    says="token 0 was drawn by a number at the line's other end",
)
def first_of_none(logits, lengths, draws, ended, end_id):
    last = logits[torch.arange(len(logits)), lengths - 1]
    ends = last.softmax(dim=-1).cumsum(dim=-1)
    return finish((ends > draws[:, None]).int().argmax(dim=-1), ended, end_id)
