"""Right and wrong answers to run_episode."""

import collections
import copy
import itertools

from bank import mistake, right


def play(shop, said, limit, *, free=False, ends=True, judge=None, lax=False):
    page, basket, steps, stopped = shop["start"], list(shop["basket"]), 0, False
    passed = []
    for one in said:
        if steps >= limit or (stopped and ends):
            break
        kind, what = shop["pages"][page].get(one, (None, None))
        if free and kind is None and one != "stop":
            continue
        steps += 1
        stopped = stopped or one == "stop"
        if kind == "go":
            page = what
        elif kind == "buy":
            basket.append(what)
        elif kind == "drop" and what in basket:
            basket.remove(what)
        passed.append(sorted(basket))
    wanted = sorted(shop["wanted"])
    if judge:
        success = judge(basket, wanted, stopped, passed)
    else:
        success = stopped and sorted(basket) == wanted
    return {"page": page, "basket": sorted(basket), "steps": steps, "success": success}


@right("As the solutions write it.")
def master(shop, said, limit):
    return play(shop, said, limit)


@right("With counts in place of a list.")
def by_counts(shop, said, limit):
    page, steps, stopped = shop["start"], 0, False
    basket = collections.Counter(shop["basket"])
    while steps < min(limit, len(said)) and not stopped:
        one = said[steps]
        steps += 1
        stopped = one == "stop"
        kind, what = shop["pages"][page].get(one, ("", ""))
        if kind == "go":
            page = what
        if kind == "buy":
            basket[what] += 1
        if kind == "drop":
            basket[what] = max(basket[what] - 1, 0)
    has = sorted(basket.elements())
    return {
        "page": page,
        "basket": has,
        "steps": steps,
        "success": stopped and +basket == collections.Counter(shop["wanted"]),
    }


@right("What is carried out is cut off first.")
def by_cutting(shop, said, limit):
    done = said[: said.index("stop") + 1] if "stop" in said else said
    done = done[:limit]
    page, basket = shop["start"], copy.copy(shop["basket"])
    for one in done:
        what = shop["pages"][page].get(one)
        if what is None:
            continue
        if what[0] == "go":
            page = what[1]
        elif what[0] == "buy":
            basket = [*basket, what[1]]
        elif what[1] in basket:
            place = basket.index(what[1])
            basket = basket[:place] + basket[place + 1 :]
    basket.sort()
    stopped = bool(done) and done[-1] == "stop"
    fine = stopped and basket == sorted(shop["wanted"])
    return dict(page=page, basket=basket, steps=len(done), success=fine)


@right("Step by step, with a state that is made new each time.")
def by_states(shop, said, limit):
    def after(state, one):
        page, basket, steps, stopped = state
        if stopped or steps == limit:
            return state
        kind, what = shop["pages"][page].get(one, (None, None))
        if kind == "go":
            page = what
        elif kind == "buy":
            basket = (*basket, what)
        elif kind == "drop" and what in basket:
            left = list(basket)
            left.remove(what)
            basket = tuple(left)
        return page, basket, steps + 1, one == "stop"

    first = (shop["start"], tuple(shop["basket"]), 0, False)
    *_, (page, basket, steps, stopped) = itertools.accumulate(said, after, initial=first)
    success = stopped and sorted(basket) == sorted(shop["wanted"])
    return {"page": page, "basket": sorted(basket), "steps": steps, "success": success}


@mistake(
    "What does nothing costs nothing.",
    fails="episode-costs",
    says="what does nothing costs a step all the same",
)
def costs_nothing(shop, said, limit):
    return play(shop, said, limit, free=True)


@mistake("There is no limit.", fails="episode-costs", says="the limit was passed")
def no_limit(shop, said, limit):
    return play(shop, said, len(said))


@mistake("One step more than the limit.", fails="episode-costs", says="than the limit allows")
def one_more(shop, said, limit):
    return play(shop, said, limit + 1)


@mistake(
    "stop costs no step.",
    fails="episode-acts, episode-costs, episode-stops, episode-judged, episode-full",
    says="stop is a step as well, and costs one",
)
def stop_is_free(shop, said, limit):
    found = play(shop, said, limit)
    return found | {"steps": found["steps"] - ("stop" in said[:limit])}


@mistake("What is no action ends the run.", fails="episode-costs", says="(None)")
def none_ends(shop, said, limit):
    kept = said[: said.index(None) + 1] if None in said else said
    return play(shop, kept, limit)


@mistake(
    "A number that the page does not show is an error.",
    fails="episode-costs",
    says="KeyError",
)
def unknown_number(shop, said, limit):
    page = shop["start"]
    for one in said[:limit]:
        if type(one) is int:
            kind, what = shop["pages"][page][one]
            page = what if kind == "go" else page
    return play(shop, said, limit)


@mistake(
    "Numbers are looked up on all pages.",
    fails="episode-costs",
    says="that the page does not show",
)
def all_pages(shop, said, limit):
    everything = {n: what for page in shop["pages"].values() for n, what in page.items()}
    return play(shop | {"pages": dict.fromkeys(shop["pages"], everything)}, said, limit)


@mistake("What is said behind stop is carried out.", fails="episode-stops", says="behind stop")
def goes_on(shop, said, limit):
    return play(shop, said, limit, ends=False)


@mistake(
    "A run that never stopped may be a success.",
    fails="episode-costs, episode-stops",
    says="a run that never stopped is no success",
)
def never_stopped(shop, said, limit):
    return play(shop, said, limit, judge=lambda has, wanted, stopped, passed: sorted(has) == wanted)


@mistake(
    "stop counts as said also where the limit came first.",
    fails="episode-costs",
    says="a run that never stopped is no success",
)
def would_stop(shop, said, limit):
    return play(
        shop,
        said,
        limit,
        judge=lambda has, wanted, stopped, passed: "stop" in said and sorted(has) == wanted,
    )


@mistake(
    "All that is wanted is there: more is fine.",
    fails="episode-acts, episode-judged, episode-full",
    says="something lies in the basket that nobody asked for",
)
def more_is_fine(shop, said, limit):
    def enough(has, wanted, stopped, passed):
        return stopped and not collections.Counter(wanted) - collections.Counter(has)

    return play(shop, said, limit, judge=enough)


@mistake(
    "As sets: how often does not count.",
    fails="episode-judged, episode-full",
    says="two of a thing are not one of it",
)
def as_sets(shop, said, limit):
    return play(
        shop,
        said,
        limit,
        judge=lambda has, wanted, stopped, passed: stopped and set(has) == set(wanted),
    )


@mistake(
    "Right on the way is right.",
    fails="episode-judged, episode-full",
    says="right on the way, and not at the end",
)
def on_the_way(shop, said, limit):
    return play(
        shop,
        said,
        limit,
        judge=lambda has, wanted, stopped, passed: (
            stopped and (wanted in passed or sorted(shop["basket"]) == wanted)
        ),
    )


@mistake(
    "The order counts.",
    fails="episode-acts, episode-judged, episode-full",
    says="success is False",
)
def in_order(shop, said, limit):
    return play(
        shop,
        said,
        limit,
        judge=lambda has, wanted, stopped, passed: stopped and has == shop["wanted"],
    )


@mistake(
    "The basket is empty at the start.",
    fails="episode-acts, episode-stops, episode-full",
    says="the basket was not empty at the start",
)
def empty_at_first(shop, said, limit):
    return play(shop | {"basket": []}, said, limit)


@mistake(
    "To put back takes out all of the thing.",
    fails="episode-acts",
    says="drop takes ONE of a thing",
)
def all_of_it(shop, said, limit):
    page, gone = shop["start"], set()
    found = play(shop, said, limit)
    for one in said[: found["steps"]]:
        kind, what = shop["pages"][page].get(one, (None, None))
        page = what if kind == "go" else page
        gone |= {what} if kind == "drop" else set()
    left = [thing for thing in found["basket"] if thing not in gone]
    return found | {
        "basket": left,
        "success": "stop" in said[:limit] and left == sorted(shop["wanted"]),
    }


@mistake(
    "To put back what is not there is an error.",
    fails="episode-acts, episode-full",
    says="ValueError",
)
def nothing_to_drop(shop, said, limit):
    found = play(shop, said, limit)
    page, basket = shop["start"], list(shop["basket"])
    for one in said[: found["steps"]]:
        kind, what = shop["pages"][page].get(one, (None, None))
        if kind == "go":
            page = what
        elif kind == "buy":
            basket.append(what)
        elif kind == "drop":
            basket.remove(what)
    return found


@mistake(
    "The basket in the order of buying.",
    fails="episode-acts, episode-judged, episode-full",
    says="is not sorted",
)
def unsorted(shop, said, limit):
    page, basket = shop["start"], list(shop["basket"])
    found = play(shop, said, limit)
    for one in said[: found["steps"]]:
        kind, what = shop["pages"][page].get(one, (None, None))
        if kind == "go":
            page = what
        elif kind == "buy":
            basket.append(what)
        elif kind == "drop" and what in basket:
            basket.remove(what)
    return found | {"basket": basket}


@mistake(
    "Puts what is bought into the shop's own list.",
    fails="episode-full",
    says="changed its first argument",
)
def shops_own_list(shop, said, limit):
    found = play(shop, said, limit)
    shop["basket"][:] = found["basket"]
    return found


@mistake(
    "Sorts what is wanted where it is.",
    fails="episode-full",
    says="changed its first argument",
)
def sorts_wanted(shop, said, limit):
    shop["wanted"].sort()
    return play(shop, said, limit)


@mistake(
    "The number 0 does nothing.",
    fails="episode-acts",
    says="Is 0 a number to your code, or nothing",
)
def zero_is_none(shop, said, limit):
    return play(shop, [one or None for one in said], limit)


@mistake("A limit of 0 allows one step.", fails="episode-costs", says="a limit of 0")
def at_least_one(shop, said, limit):
    return play(shop, said, max(limit, 1))


@mistake("A limit of 0 is none.", fails="episode-costs", says="a limit of 0")
def zero_is_no_limit(shop, said, limit):
    return play(shop, said, limit or len(said))


@mistake(
    "What nobody wants is bought once at most.",
    fails="episode-acts, episode-judged",
    says="basket is",
)
def once_each(shop, said, limit):
    page, basket, kept = shop["start"], list(shop["basket"]), []
    for one in said:
        kind, what = shop["pages"][page].get(one, (None, None))
        if kind == "buy" and what in basket and what not in shop["wanted"]:
            kept.append(None)
            continue
        kept.append(one)
        if kind == "go":
            page = what
        elif kind == "buy":
            basket.append(what)
        elif kind == "drop" and what in basket:
            basket.remove(what)
    return play(shop, kept, limit)
