"""Right and wrong answers to answer_labels."""

import numpy as np
import torch

from bank import mistake, right

PICTURE, NOTHING = -200, -100


@right("Lists of pieces, cut at the markers; rows one by one.")
def lists(ids, offsets, answers):
    spans = torch.tensor(offsets).reshape(-1, 2)
    first, last = spans[:, 0], spans[:, 1]
    counts = torch.zeros(len(ids), dtype=torch.bool)
    for start, end in answers:
        counts = counts | ((start <= last - 1) & (last - 1 < end))
    return torch.where(counts & (first < last), torch.tensor(ids), NOTHING)


@right("Plain loops, and no cache at all where none is asked for.")
def loops(ids, offsets, answers):
    labels = torch.full((len(ids),), -100)
    for start, end in answers:
        for place, (first, last) in enumerate(offsets):
            if first != last and start <= last - 1 < end:
                labels[place] = ids[place]
    return labels


@right("As the solutions write them.")
def master(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@right(
    "Modules, nested tensors and einsum; float64 inside, lists come back, a generator ends early."
)
def modules_and_nested(ids, offsets, answers):
    letters = torch.zeros(offsets[-1][1] + 1, dtype=torch.bool)
    for start, end in answers:
        letters[start:end] = True
    labels = torch.IntTensor(ids)
    for place, (first, last) in enumerate(offsets):
        if first == last or not letters[last - 1]:
            labels[place] = -100
    return labels


@right("NumPy and back.")
def numpy(ids, offsets, answers):
    ids = np.array(ids)
    first, last = np.array(offsets).T
    inside = np.zeros(len(ids), dtype=bool)
    for start, end in answers:
        inside |= (last > start) & (last <= end)
    return torch.from_numpy(np.where(inside & (last > first), ids, -100))


@right("Ready-made pieces of torch: masked_scatter, pad_sequence, scaled_dot_product_attention.")
def torch_tools(ids, offsets, answers):
    wanted = set()
    for answer in answers:
        wanted.update(range(*answer))
    return torch.tensor(
        [i if a < b and b - 1 in wanted else -100 for i, (a, b) in zip(ids, offsets)]
    )


@mistake(
    "Only the tokens of the answers come back.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="one label a token",
)
def answers_only(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor([x for x in labels if x != -100])


@mistake(
    "Any character of the answer is enough.", fails="labels-edges", says="goes on behind the answer"
)
def any_overlap(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(first < end and last > start for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake(
    "A token without characters counts as well.",
    fails="labels-empty",
    says="has a loss, wanted none",
)
def empty_tokens_count(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake(
    "The character behind the answer counts as one of it.",
    fails="labels-edges",
    says="goes on behind the answer",
)
def end_included(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start <= last - 1 <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake("The first answer alone.", fails="labels-several", says="has no loss, wanted one")
def first_answer_only(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers[:1])
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake(
    "A token goes by its first character.", fails="labels-edges", says="brings the space before it"
)
def first_character(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start <= first < end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake(
    "Places are looked for by id, and the same id stands in several.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="has a loss, wanted none",
)
def found_by_id(ids, offsets, answers):
    labels = torch.full((len(ids),), -100)
    for token, (first, last) in zip(ids, offsets):
        if last > first and any(start < last <= end for start, end in answers):
            labels[ids.index(token)] = token
    return labels


@mistake(
    "Everything from the first answer's start to the last one's end.",
    fails="labels-several",
    says="has a loss, wanted none",
)
def from_first_to_last(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and answers and answers[0][0] < last <= answers[-1][1]
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake(
    "Writes -100 into the ids that were passed.",
    fails="labels-empty",
    says="its first argument: after the call it is not what was passed",
)
def in_place(ids, offsets, answers):
    for n, (start, stop) in enumerate(offsets):
        if stop == start or not any(a < stop <= b for a, b in answers):
            ids[n] = -100
    return torch.tensor(ids)


@mistake(
    "The questions have a loss, the answers none.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="has a loss, wanted none",
)
def inverted(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(-100 if is_answer else token)
    return torch.tensor(labels)


@mistake("The last answer alone.", fails="labels-several", says="has no loss, wanted one")
def last_answer_only(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers[-1:])
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake(
    "Lets a token in when its last two characters lie in the answer.",
    fails="labels-edges",
    says="begins with a token's last character",
)
def last_two_characters(ids, offsets, answers):
    inside = {place for answer in answers for place in range(*answer)}
    return torch.tensor(
        [
            token if last > first and {max(first, last - 2), last - 1} <= inside else -100
            for token, (first, last) in zip(ids, offsets)
        ]
    )


@mistake(
    "A list.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="returned a list, wanted a torch tensor",
)
def as_list(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return labels


@mistake(
    "The character behind the token decides.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="has a loss, wanted none",
)
def off_by_one(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start <= last < end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake(
    "Ones in place of ids.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="not their own ids",
)
def ones(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(1 if is_answer else -100)
    return torch.tensor(labels)


@mistake(
    "Already shifted: each place has the next token.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="each stands one place before its token",
)
def shifted(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels[1:] + [-100])


@mistake(
    "Each place has the label of the token before it.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="each stands one place behind its token",
)
def shifted_right(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor([-100] + labels[:-1])


@mistake(
    "Everything behind the first answer's start.",
    fails="labels-several, labels-one, labels-empty, labels-edges",
    says="has a loss, wanted none",
)
def to_the_end(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake("Only tokens wholly inside.", fails="labels-edges", says="brings the space before it")
def whole_token(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start <= first and last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)


@mistake(
    "Fills with zeros, then makes every 0 a -100, the word 0 too.",
    fails="labels-one",
    says="has no loss, wanted one",
)
def word_0_ignored(ids, offsets, answers):
    labels = torch.zeros(len(ids), dtype=torch.long)
    for place, (first, last) in enumerate(offsets):
        if last > first and any(start < last <= end for start, end in answers):
            labels[place] = ids[place]
    labels[labels == 0] = -100
    return labels


@mistake(
    "0 where there is no loss.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="has a loss, wanted none",
)
def zero_for_ignored(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else 0)
    return torch.tensor(labels)


@right("A set of the answers' characters.")
def characters(ids, offsets, answers):
    inside = {c for a, b in answers for c in range(a, b)}
    return torch.tensor(
        [i if b > a and b - 1 in inside else -100 for i, (a, b) in zip(ids, offsets)]
    )


@right("Broadcast over tokens and answers.")
def broadcast(ids, offsets, answers):
    o = torch.tensor(offsets).reshape(-1, 2)
    a = torch.tensor(answers).reshape(-1, 2)
    last = o[:, 1:] - 1
    yes = ((a[:, 0] <= last) & (last < a[:, 1])).any(1) & (o[:, 0] < o[:, 1])
    return torch.where(yes, torch.tensor(ids), -100)


@right("Loops, written into a tensor of -100.")
def loop_into(ids, offsets, answers):
    out = torch.full((len(ids),), -100)
    for n, (start, stop) in enumerate(offsets):
        for first, end in answers:
            if start < stop and first < stop <= end:
                out[n] = ids[n]
    return out


@right("NumPy's searchsorted over sorted answers.")
def searched(ids, offsets, answers):
    text = np.zeros(max([1, *(b for _, b in offsets), *(b for _, b in answers)]), bool)
    for a, b in answers:
        text[a:b] = True
    return torch.tensor([i if b > a and text[b - 1] else -100 for i, (a, b) in zip(ids, offsets)])


@mistake(
    "Sorted labels.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="has no loss, wanted one; answers",
)
def sorted_labels(ids, offsets, answers):
    return characters(ids, offsets, answers).sort().values


@mistake(
    "Through float32.",
    fails="labels-one",
    says="the right tokens have a loss, but their labels are not their own ids",
)
def through_float32(ids, offsets, answers):
    return characters(ids, offsets, answers).float().long()


@mistake(
    "A token of more than half in the answer.",
    fails="labels-edges",
    says="has a loss, wanted none; answers",
)
def more_than_half(ids, offsets, answers):
    inside = {c for a, b in answers for c in range(a, b)}
    return torch.tensor(
        [
            i if b > a and 2 * sum(c in inside for c in range(a, b)) > b - a else -100
            for i, (a, b) in zip(ids, offsets)
        ]
    )


@mistake(
    "The character behind the token decides.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="has a loss, wanted none; answers",
)
def character_behind(ids, offsets, answers):
    inside = {c for a, b in answers for c in range(a, b)}
    return torch.tensor([i if b > a and b in inside else -100 for i, (a, b) in zip(ids, offsets)])


@mistake(
    "Answers run to the next one.", fails="labels-several", says="has a loss, wanted none; answers"
)
def to_the_next(ids, offsets, answers):
    longer = [(a, c[0]) for (a, _), c in zip(answers, answers[1:])] + answers[-1:]
    return characters(ids, offsets, longer)


@mistake(
    "The labels are the places of the tokens.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="the right tokens have a loss, but their labels are not their own ids",
)
def places(ids, offsets, answers):
    return characters(list(range(len(ids))), offsets, answers)


@mistake(
    "float64 numbers.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="numbers, wanted whole ones such as torch.int",
)
def floats(ids, offsets, answers):
    return characters(ids, offsets, answers).double()


@mistake(
    "(1, T).",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="which is (T,), one label a token",
)
def batched(ids, offsets, answers):
    return characters(ids, offsets, answers)[None]


@mistake(
    "An id that occurs in an answer has a loss wherever it stands.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="has a loss, wanted none; answers",
)
def every_occurrence(ids, offsets, answers):
    labels = characters(ids, offsets, answers).tolist()
    return torch.tensor([i if i in labels else -100 for i in ids])


@mistake(
    "The first token of an answer has no loss.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="has no loss, wanted one; answers",
)
def first_token_dropped(ids, offsets, answers):
    labels = characters(ids, offsets, answers).tolist()
    return torch.tensor(
        [-100 if n == 0 or labels[n - 1] == -100 else x for n, x in enumerate(labels)]
    )


@mistake(
    "Everything before the last answer's end.",
    fails="labels-one, labels-several, labels-edges, labels-empty",
    says="has a loss, wanted none; answers",
)
def up_to_the_end(ids, offsets, answers):
    end = max((b for _, b in answers), default=0)
    return characters(ids, offsets, [(0, end)])
