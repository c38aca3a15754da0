"""Right and wrong answers to blind_score."""

from collections import Counter, defaultdict
from itertools import groupby
from statistics import mean

import numpy as np

from bank import mistake, right


def best(answers):
    counts = Counter(answers)
    return min(counts, key=lambda answer: (-counts[answer], answer))


def learn(seen, choose=best):
    heard = defaultdict(list)
    for kind, _, answer in seen:
        heard[kind].append(answer)
    return {kind: choose(answers) for kind, answers in heard.items()}


def share(guesses, otherwise, asked):
    return sum(guesses.get(k, otherwise) == a for k, _, a in asked) / len(asked)


def everything(seen):
    return [answer for _, _, answer in seen]


@right("Sorted before most_common, which keeps the order of what it met first.")
def sorted_first(seen, asked):
    guesses = learn(seen, lambda answers: Counter(sorted(answers)).most_common(1)[0][0])
    otherwise = Counter(sorted(everything(seen))).most_common(1)[0][0]
    return share(guesses, otherwise, asked)


@right("NumPy: unique sorts, argmax takes the first.")
def with_numpy(seen, asked):
    def commonest(answers):
        names, counts = np.unique(answers, return_counts=True)
        return str(names[counts.argmax()])

    hits = [
        commonest([a for k, _, a in seen if k == kind] or everything(seen)) == answer
        for kind, _, answer in asked
    ]
    return np.mean(hits)


@right("groupby over sorted triples.")
def grouped(seen, asked):
    ordered = sorted((kind, answer) for kind, _, answer in seen)
    guesses = {kind: best([a for _, a in some]) for kind, some in groupby(ordered, lambda t: t[0])}
    hits = 0
    for kind, _, answer in asked:
        hits += answer == (guesses[kind] if kind in guesses else best(everything(seen)))
    return hits / len(asked)


@right("Loops and list.count alone.")
def counted(seen, asked):
    total = 0
    for kind, _, answer in asked:
        answers = [a for k, _, a in seen if k == kind] or everything(seen)
        most = max(answers.count(a) for a in answers)
        total += answer == min(a for a in answers if answers.count(a) == most)
    return total / len(asked)


@mistake(
    "One answer for all kinds.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="one answer for all kinds",
)
def one_for_all(seen, asked):
    return share({}, best(everything(seen)), asked)


@mistake(
    "Learns from the questions that are asked.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="learnt from the answers that it is asked for",
)
def from_the_test(seen, asked):
    return share(learn(asked), "", asked)


@mistake(
    "Learns from both lists.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind",
    says="learnt from the answers that it is asked for",
)
def from_both(seen, asked):
    return share(learn([*seen, *asked]), "", asked)


@mistake(
    "Looks each question up, word for word.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="looks each question up",
)
def word_for_word(seen, asked):
    known = learn([(question, "", answer) for _, question, answer in seen])
    return sum(known.get(q) == a for _, q, a in asked) / len(asked)


@mistake(
    "The answer heard first.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="the answer heard first, not of the most frequent",
)
def heard_first(seen, asked):
    return share(learn(seen, lambda a: a[0]), best(everything(seen)), asked)


@mistake(
    "The answer heard last: a dictionary that is overwritten.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="the answer heard last",
)
def heard_last(seen, asked):
    return share({k: a for k, _, a in seen}, best(everything(seen)), asked)


@mistake(
    "Of a tie the answer met first, as most_common has it.",
    fails="blind-ties",
    says="takes the one heard first",
)
def met_first(seen, asked):
    guesses = learn(seen, lambda a: Counter(a).most_common(1)[0][0])
    return share(guesses, best(everything(seen)), asked)


@mistake(
    "Of every tie the answer met first, over all kinds too.",
    fails="blind-ties, blind-unseen-kind",
    says="takes the one heard first (on an earlier check's input)",
)
def met_first_everywhere(seen, asked):
    def choose(answers):
        return Counter(answers).most_common(1)[0][0]

    return share(learn(seen, choose), choose(everything(seen)), asked)


@mistake("Of a tie the last in the alphabet.", fails="blind-ties", says="the last in the alphabet")
def alphabet_backwards(seen, asked):
    def choose(answers):
        return max(answers, key=lambda a: (answers.count(a), a))

    return share(learn(seen, choose), best(everything(seen)), asked)


@mistake("A kind never seen raises a KeyError.", fails="blind-unseen-kind", says="KeyError")
def key_error(seen, asked):
    guesses = learn(seen)
    return sum(guesses[k] == a for k, _, a in asked) / len(asked)


@mistake(
    "A kind never seen counts as wrong.",
    fails="blind-unseen-kind",
    says="the guesser guesses there too",
)
def never_right(seen, asked):
    return share(learn(seen), None, asked)


@mistake(
    "A kind never seen is left out.",
    fails="blind-unseen-kind",
    says="they are asked, so they count",
)
def left_out(seen, asked):
    guesses = learn(seen)
    return share(guesses, None, [one for one in asked if one[0] in guesses])


@mistake(
    "For a kind never seen the first in the alphabet of all.",
    fails="blind-unseen-kind",
    says="(a kind that is not in `seen`)",
)
def least_of_all(seen, asked):
    return share(learn(seen), min(everything(seen)), asked)


@mistake("The mean of the kinds' scores.", fails="blind-share", says="weighs too much")
def mean_of_kinds(seen, asked):
    guesses, otherwise = learn(seen), best(everything(seen))
    kinds = {kind for kind, _, _ in asked}
    return mean(share(guesses, otherwise, [one for one in asked if one[0] == k]) for k in kinds)


@mistake(
    "Percent.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="that is in percent",
)
def percent(seen, asked):
    return 100 * counted(seen, asked)


@mistake(
    "How many are right.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="that is how many are right",
)
def number(seen, asked):
    return counted(seen, asked) * len(asked)


@mistake(
    "Rounded to two digits.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="that is rounded",
)
def rounded(seen, asked):
    return round(counted(seen, asked) - 1e-9, 2)


@mistake(
    "Divided by the number of questions seen.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="the blind score is",
)
def by_seen(seen, asked):
    return counted(seen, asked) * len(asked) / len(seen)


@mistake("Sorts the list that was passed.", fails="blind-share", says="changed its first argument")
def sorted_in_place(seen, asked):
    seen.sort()
    return counted(seen, asked)


@mistake(
    "Nothing comes back.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="returned None",
)
def no_return(seen, asked):
    counted(seen, asked)


@mistake("Compares without capitals and spaces.", fails="blind-share", says="Letter for letter")
def compares_loosely(seen, asked):
    guesses, otherwise = learn(seen), best(everything(seen))
    return mean(guesses.get(k, otherwise).lower().strip() == a.lower().strip() for k, _, a in asked)


@mistake("Counts in small letters.", fails="blind-ties, blind-share", says="Letter for letter")
def counts_in_small_letters(seen, asked):
    small = [(k, q, a.lower()) for k, q, a in seen]
    return share(learn(small), best(everything(small)), asked)


@mistake("Counts without spaces at the ends.", fails="blind-share", says="Letter for letter")
def counts_stripped(seen, asked):
    bare = [(k, q, a.strip()) for k, q, a in seen]
    return share(learn(bare), best(everything(bare)), asked)


@mistake(
    "From memory where the question was heard.", fails="blind-share", says="The kind alone decides"
)
def from_memory(seen, asked):
    known = learn([(question, "", answer) for _, question, answer in seen])
    guesses, otherwise = learn(seen), best(everything(seen))
    return mean(known.get(q, guesses.get(k, otherwise)) == a for k, q, a in asked)


@mistake(
    "For a kind never seen, of a tie the answer met first.",
    fails="blind-unseen-kind",
    says="a tie over all",
)
def met_first_of_all(seen, asked):
    return share(learn(seen), Counter(everything(seen)).most_common(1)[0][0], asked)


@mistake(
    "For a kind never seen, the most frequent of the kinds' guesses.",
    fails="blind-unseen-kind",
    says="not the guesses for the kinds",
)
def most_of_guesses(seen, asked):
    guesses = learn(seen)
    return share(guesses, best(list(guesses.values())), asked)


@mistake("Equal triples count once: a set.", fails="blind-share", says="A set keeps only one")
def set_of_triples(seen, asked):
    return counted(list(set(seen)), asked)


@mistake(
    "Rounded to three digits.",
    fails="blind-most-frequent, blind-ties, blind-unseen-kind, blind-share",
    says="that is rounded",
)
def three_digits(seen, asked):
    return round(counted(seen, asked), 3)


@mistake(
    "Of a tie the first in a dictionary, whatever the capitals.",
    fails="blind-ties",
    says="capitals come before small letters",
)
def dictionary_order(seen, asked):
    def choose(answers):
        return min(answers, key=lambda a: (-answers.count(a), a.lower(), a))

    return share(learn(seen, choose), choose(everything(seen)), asked)


@mistake("Kinds in small letters.", fails="blind-share", says="Kinds too are the same only")
def small_kinds(seen, asked):
    return counted(*([(k.lower(), q, a) for k, q, a in some] for some in (seen, asked)))


@mistake("Kinds without spaces at their ends.", fails="blind-share", says="Kinds too are the same")
def bare_kinds(seen, asked):
    return counted(*([(k.strip(), q, a) for k, q, a in some] for some in (seen, asked)))


@mistake(
    "What is asked several times counts once: a set.",
    fails="blind-share",
    says="Every question that is asked counts",
)
def set_of_asked(seen, asked):
    return counted(seen, set(asked))
