"""Right and wrong answers to read_probes."""

import torch

from bank import mistake, right


def verdict(mixes, knows):
    return {"mixes_pictures": bool(mixes), "knows_order": bool(knows)}


def far(plain, other):
    return (other - plain).abs() > plain.abs().max() / 10_000


@right("As the solutions write it.")
def master(plain, changed, moved):
    others = torch.arange(len(plain)) != 1
    return verdict(far(plain, changed)[others].any(), far(plain, moved).any())


@right("A loop over pictures.")
def loop(plain, changed, moved):
    limit = 1e-4 * float(plain.abs().max())
    mixes = knows = False
    for k in range(len(plain)):
        mixes |= k != 1 and float((plain[k] - changed[k]).abs().max()) > limit
        knows |= float((plain[k] - moved[k]).abs().max()) > limit
    return {"knows_order": knows, "mixes_pictures": mixes}


@right("By allclose, with the limit absolute.")
def by_allclose(plain, changed, moved):
    limit = plain.abs().max().item() * 1e-4
    keep = [0, *range(2, len(plain))]
    return {
        "mixes_pictures": not torch.allclose(plain[keep], changed[keep], rtol=0, atol=limit),
        "knows_order": not torch.allclose(plain, moved, rtol=0, atol=limit),
    }


@right("Scaled first.")
def scaled(plain, changed, moved):
    top = plain.abs().max()
    gaps = ((changed - plain) / top).abs().amax(1), ((moved - plain) / top).abs().amax(1)
    gaps[0][1] = 0
    return verdict(gaps[0].max() > 1e-4, gaps[1].max() > 1e-4)


@mistake("Picture 1 itself is compared.", fails="read-mixing, read-rounding", says="on purpose")
def picture_1_too(plain, changed, moved):
    return verdict(far(plain, changed).any(), far(plain, moved).any())


@mistake("No tolerance.", fails="read-rounding", says="wanted False")
def to_the_bit(plain, changed, moved):
    others = torch.arange(len(plain)) != 1
    return verdict((plain != changed)[others].any(), (plain != moved).any())


@mistake("Picture 0 alone is looked at.", fails="read-mixing, read-order", says="a fault is missed")
def picture_0(plain, changed, moved):
    return verdict(far(plain, changed)[0].any(), far(plain, moved)[0].any())


@mistake("Differences are summed.", fails="read-mixing, read-order", says="cancelled")
def summed(plain, changed, moved):
    limit = plain.abs().max() / 10_000
    gaps = (changed - plain).sum(1).abs(), (moved - plain).sum(1).abs()
    gaps[0][1] = 0
    return verdict(gaps[0].max() > limit, gaps[1].max() > limit)


@mistake("The signed difference alone.", fails="read-mixing, read-order", says="one logit fell")
def signed(plain, changed, moved):
    others = torch.arange(len(plain)) != 1
    limit = plain.abs().max() / 10_000
    return verdict(((changed - plain)[others] > limit).any(), (moved - plain > limit).any())


@mistake("A limit of 1e-4, whatever the logits are.", fails="read-rounding", says="wanted")
def absolute(plain, changed, moved):
    others = torch.arange(len(plain)) != 1
    mixes = ((changed - plain)[others].abs() > 1e-4).any()
    return verdict(mixes, ((moved - plain).abs() > 1e-4).any())


@mistake("The two are exchanged.", fails="read-mixing, read-order, read-rounding", says="picture")
def exchanged(plain, changed, moved):
    others = torch.arange(len(plain)) != 1
    return verdict(far(plain, moved).any(), far(plain, changed)[others].any())


@mistake("Tensors for truth values.", fails="read-mixing, read-order, read-rounding",
         says="wanted True or False")  # fmt: skip
def tensors(plain, changed, moved):
    others = torch.arange(len(plain)) != 1
    return {
        "mixes_pictures": far(plain, changed)[others].any(),
        "knows_order": far(plain, moved).any(),
    }


@mistake("plain is written over.", fails="read-mixing", says="changed its first argument")
def in_place(plain, changed, moved):
    result = master(plain, changed, moved)
    plain -= changed
    return result


@mistake("The limit is a ten-thousandth of the largest logit, without its sign.",
         fails="read-rounding", says="wanted")  # fmt: skip
def largest_with_sign(plain, changed, moved):
    limit = plain.max() / 10_000
    others = torch.arange(len(plain)) != 1
    mixes = ((changed - plain)[others].abs() > limit).any()
    return verdict(mixes, ((moved - plain).abs() > limit).any())


def with_limit(plain, changed, moved, largest):
    others = torch.arange(len(plain)) != 1
    limit = largest.abs().max() / 10_000
    mixes = ((changed - plain)[others].abs() > limit).any()
    return verdict(mixes, ((moved - plain).abs() > limit).any())


@mistake("The limit comes from `changed`.", fails="read-rounding", says="of which tensor")
def limit_of_changed(plain, changed, moved):
    return with_limit(plain, changed, moved, changed)


@mistake("The limit comes from `moved`.", fails="read-rounding", says="of which tensor")
def limit_of_moved(plain, changed, moved):
    return with_limit(plain, changed, moved, moved)


@mistake("The limit comes from all three.", fails="read-rounding", says="of which tensor")
def limit_of_all(plain, changed, moved):
    return with_limit(plain, changed, moved, torch.cat((plain, changed, moved)))


@mistake("The limit comes from each probe's own answers.", fails="read-rounding", says="wanted")
def own_limits(plain, changed, moved):
    mixes = with_limit(plain, changed, moved, changed)["mixes_pictures"]
    return verdict(mixes, with_limit(plain, changed, moved, moved)["knows_order"])


@mistake("The limit comes from `plain` without picture 1.", fails="read-rounding",
         says="the largest in picture 1")  # fmt: skip
def limit_without_picture_1(plain, changed, moved):
    return with_limit(plain, changed, moved, plain[torch.arange(len(plain)) != 1])


@mistake("Order is told by the signed difference.", fails="read-order", says="one logit fell")
def order_signed(plain, changed, moved):
    limit = plain.abs().max() / 10_000
    return master(plain, changed, moved) | {"knows_order": bool((moved - plain > limit).any())}


@mistake("Logits that differ by just the limit count as moved.", fails="read-rounding",
         says=("and nothing moved", "at most"))  # fmt: skip
def limit_included(plain, changed, moved):
    others = torch.arange(len(plain)) != 1
    limit = plain.abs().max() / 10_000
    mixes = ((changed - plain)[others].abs() >= limit).any()
    return verdict(mixes, ((moved - plain).abs() >= limit).any())
