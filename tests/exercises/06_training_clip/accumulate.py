"""Right and wrong answers to accumulate."""

import torch
import torch.nn.functional as F

from bank import mistake, right


def clip(z_i, z_t, t):
    logits = t.exp() * z_i @ z_t.T
    labels = torch.arange(len(logits))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def learning(*weights):
    return [w.detach().clone().requires_grad_() for w in weights]


def encode(rows, weight):
    return F.normalize(rows @ weight, dim=1)


@right("As the solutions write it.")
def master(images, texts, weight_i, weight_t, t, size):
    weight_i, weight_t, t = learning(weight_i, weight_t, t)
    towers = ((images, weight_i), (texts, weight_t))
    with torch.no_grad():
        features = [torch.cat([encode(p, w) for p in rows.split(size)]) for rows, w in towers]
    z_i, z_t = (z.requires_grad_() for z in features)
    loss = clip(z_i, z_t, t)
    loss.backward()
    for (rows, weight), z in zip(towers, (z_i, z_t)):
        for part, slopes in zip(rows.split(size), z.grad.split(size)):
            (encode(part, weight) * slopes).sum().backward()
    return loss.detach(), weight_i.grad, weight_t.grad, t.grad


@right("The whole batch at once, where memory allows.")
def at_once(images, texts, weight_i, weight_t, t, size):
    w_i, w_t, s = learning(weight_i, weight_t, t)
    loss = clip(encode(images, w_i), encode(texts, w_t), s)
    return (
        loss.item(),
        *torch.autograd.grad(loss, (w_i, w_t)),
        torch.autograd.grad(clip(encode(images, w_i), encode(texts, w_t), s), s)[0].item(),
    )


@right("Slopes of the features by formula; features.backward(slopes) for each chunk.")
def by_formula(images, texts, weight_i, weight_t, t, size):
    w_i, w_t = learning(weight_i, weight_t)
    n, scale = len(images), t.exp().item()
    with torch.no_grad():
        z_i, z_t = encode(images, w_i), encode(texts, w_t)
        scores = scale * z_i @ z_t.T
        error = (scores.softmax(1) + scores.softmax(0)) / 2 - torch.eye(n, dtype=scores.dtype)
        to_i, to_t = scale * error @ z_t / n, scale * error.T @ z_i / n
        loss = -(scores.log_softmax(1) + scores.log_softmax(0)).diagonal().mean() / 2
        slope = (error * scores).sum() / n
    for start in range(0, n, size):
        part = slice(start, start + size)
        encode(images[part], w_i).backward(to_i[part])
        encode(texts[part], w_t).backward(to_t[part])
    return [loss, w_i.grad, w_t.grad, slope]


@right("The whole loss for each chunk with that chunk alive, and the slope of t once.")
def one_part_alive(images, texts, weight_i, weight_t, t, size):
    w_i, w_t = learning(weight_i, weight_t)
    (scale,) = learning(t)
    with torch.no_grad():
        z_i, z_t = encode(images, w_i), encode(texts, w_t)
    clip(z_i, z_t, scale).backward()
    for start in range(0, len(images), size):
        a, b = z_i.clone(), z_t.clone()
        a[start : start + size] = encode(images[start : start + size], w_i)
        b[start : start + size] = encode(texts[start : start + size], w_t)
        loss = clip(a, b, t)
        loss.backward()
    return loss.detach(), w_i.grad, w_t.grad, scale.grad


ALL = "acc-loss, acc-weights, acc-scale, acc-uneven, acc-kinds"


def added(images, texts, weight_i, weight_t, t, size, divide):
    w_i, w_t, s = learning(weight_i, weight_t, t)
    chunks = list(zip(images.split(size), texts.split(size)))
    total = 0
    for a, b in chunks:
        loss = clip(encode(a, w_i), encode(b, w_t), s) / (len(chunks) if divide else 1)
        loss.backward()
        total = total + loss.detach()
    return total, w_i.grad, w_t.grad, s.grad


@mistake("The chunks' losses, averaged.", fails=ALL, says="the chunks' own losses")
def losses_averaged(images, texts, weight_i, weight_t, t, size):
    return added(images, texts, weight_i, weight_t, t, size, True)


@mistake("The chunks' losses, added.", fails=ALL, says="the chunks' own losses")
def losses_added(images, texts, weight_i, weight_t, t, size):
    return added(images, texts, weight_i, weight_t, t, size, False)


@mistake(
    "The slope of t from each chunk's loss.",
    fails="acc-scale, acc-uneven, acc-kinds",
    says="times too large",
)
def scale_every_time(images, texts, weight_i, weight_t, t, size):
    loss, to_i, to_t, slope = master(images, texts, weight_i, weight_t, t, size)
    return loss, to_i, to_t, slope * len(images.split(size))


@mistake(
    "Divided by the number of chunks once more.",
    fails="acc-weights, acc-uneven, acc-kinds",
    says="times too small",
)
def divided_again(images, texts, weight_i, weight_t, t, size):
    loss, to_i, to_t, slope = master(images, texts, weight_i, weight_t, t, size)
    count = len(images.split(size))
    return loss, to_i / count, to_t / count, slope


@mistake("Everything divided by the number of chunks.", fails=ALL, says="times too small")
def all_divided(images, texts, weight_i, weight_t, t, size):
    count = len(images.split(size))
    return tuple(one / count for one in master(images, texts, weight_i, weight_t, t, size))


@mistake(
    "The slopes of the last chunk alone.",
    fails="acc-weights, acc-uneven, acc-kinds",
    says="off",
)
def last_chunk(images, texts, weight_i, weight_t, t, size):
    loss, to_i, to_t, slope = master(images, texts, weight_i, weight_t, t, size)
    w_i, w_t = learning(weight_i, weight_t)
    with torch.no_grad():
        z_i, z_t = encode(images, w_i), encode(texts, w_t)
    z_i.requires_grad_()
    z_t.requires_grad_()
    clip(z_i, z_t, t).backward()
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        w_i.grad = w_t.grad = None
        encode(images[part], w_i).backward(z_i.grad[part])
        encode(texts[part], w_t).backward(z_t.grad[part])
    return loss, w_i.grad, w_t.grad, slope


@mistake(
    "A smaller last chunk is left out.",
    fails="acc-uneven, acc-kinds",
    says="off",
)
def no_rest(images, texts, weight_i, weight_t, t, size):
    size = min(size, len(images))
    loss, _, _, slope = master(images, texts, weight_i, weight_t, t, size)
    w_i, w_t = learning(weight_i, weight_t)
    with torch.no_grad():
        z_i, z_t = encode(images, w_i), encode(texts, w_t)
    z_i.requires_grad_()
    z_t.requires_grad_()
    clip(z_i, z_t, t).backward()
    for k in range(len(images) // size):
        part = slice(k * size, (k + 1) * size)
        encode(images[part], w_i).backward(z_i.grad[part])
        encode(texts[part], w_t).backward(z_t.grad[part])
    return loss, w_i.grad, w_t.grad, slope


@mistake(
    "Features are not normalised in the second pass.",
    fails="acc-weights, acc-uneven, acc-kinds",
    says="off",
)
def raw_second_pass(images, texts, weight_i, weight_t, t, size):
    loss, _, _, slope = master(images, texts, weight_i, weight_t, t, size)
    z_i, z_t = (encode(a, w).requires_grad_() for a, w in ((images, weight_i), (texts, weight_t)))
    clip(z_i, z_t, t).backward()
    return loss, images.T @ z_i.grad, texts.T @ z_t.grad, slope


@mistake("No normalising at all.", fails=ALL, says="the loss is")
def unnormalised(images, texts, weight_i, weight_t, t, size):
    w_i, w_t, s = learning(weight_i, weight_t, t)
    loss = clip(images @ w_i, texts @ w_t, s)
    loss.backward()
    return loss.detach(), w_i.grad, w_t.grad, s.grad


@mistake(
    "t for e to the t.",
    fails="acc-loss, acc-weights, acc-scale, acc-uneven, acc-kinds",
    says="the loss is",
)
def without_exp(images, texts, weight_i, weight_t, t, size):
    w_i, w_t, s = learning(weight_i, weight_t, t)
    loss = clip(encode(images, w_i), encode(texts, w_t), s.log())
    loss.backward()
    return loss.detach(), w_i.grad, w_t.grad, s.grad


@mistake(
    "One direction of the loss.",
    fails=ALL,
    says="of one direction alone",
)
def one_direction(images, texts, weight_i, weight_t, t, size):
    w_i, w_t, s = learning(weight_i, weight_t, t)
    logits = s.exp() * encode(images, w_i) @ encode(texts, w_t).T
    loss = F.cross_entropy(logits, torch.arange(len(logits)))
    loss.backward()
    return loss.detach(), w_i.grad, w_t.grad, s.grad


@mistake(
    "The texts are constants while the images learn, and get the images' slopes' sum.",
    fails="acc-weights, acc-uneven, acc-kinds",
    says="is 0 everywhere",
)
def texts_stand_still(images, texts, weight_i, weight_t, t, size):
    loss, to_i, to_t, slope = master(images, texts, weight_i, weight_t, t, size)
    return loss, to_i, torch.zeros_like(to_t), slope


@mistake(
    "The slope of the scale, not of its logarithm.",
    fails="acc-scale, acc-uneven, acc-kinds",
    says="lacks the factor exp(t)",
)
def slope_of_scale(images, texts, weight_i, weight_t, t, size):
    loss, to_i, to_t, slope = master(images, texts, weight_i, weight_t, t, size)
    return loss, to_i, to_t, slope / t.exp()


@mistake("A sum over pairs, not a mean.", fails=ALL, says="the loss is")
def summed(images, texts, weight_i, weight_t, t, size):
    return tuple(len(images) * one for one in master(images, texts, weight_i, weight_t, t, size))


@mistake("Through float32.", fails="acc-kinds", says="torch.float64 went in, torch.float32 came")
def single(images, texts, weight_i, weight_t, t, size):
    return master(*(x.float() for x in (images, texts, weight_i, weight_t, t)), size)


@mistake("Through float32, and back.", fails="acc-kinds", says="went through float32")
def single_and_back(images, texts, weight_i, weight_t, t, size):
    given = (images, texts, weight_i, weight_t, t)
    return tuple(x.to(images.dtype) for x in master(*(x.float() for x in given), size))


@mistake(
    "A step is taken on what was passed.",
    fails="acc-kinds",
    says="changed its third argument",
)
def steps(images, texts, weight_i, weight_t, t, size):
    result = master(images, texts, weight_i, weight_t, t, size)
    weight_i -= 0.1 * result[1]
    return result


@mistake("The slope of t without its sign.", fails="acc-scale", says="the wrong sign")
def without_sign(images, texts, weight_i, weight_t, t, size):
    loss, to_i, to_t, slope = master(images, texts, weight_i, weight_t, t, size)
    return loss, to_i, to_t, slope.abs()


@mistake(
    "What was passed learns itself.",
    fails="acc-kinds",
    says="the gradient went into what was passed",
)
def given_learns(images, texts, weight_i, weight_t, t, size):
    for one in (weight_i, weight_t, t):
        one.requires_grad_()
    loss = clip(encode(images, weight_i), encode(texts, weight_t), t)
    loss.backward()
    return loss.detach(), weight_i.grad, weight_t.grad, t.grad
