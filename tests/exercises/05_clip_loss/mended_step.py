"""Right and wrong answers to mended_step."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn import functional

from bank import mistake, right


def loss_and_gradients(image_features, text_features, scale):
    n = image_features.shape[0]
    s = np.einsum("ie,je->ij", image_features, text_features) * scale
    rows = np.logaddexp.reduce(s, axis=1)
    columns = np.logaddexp.reduce(s, axis=0)
    loss = np.mean((rows + columns) / 2 - s.diagonal())
    g = np.exp(s - rows[:, None]) + np.exp(s - columns)
    g[np.arange(n), np.arange(n)] -= 2
    g *= scale / (2 * n)
    return np.array(loss), g.dot(text_features), np.einsum("ij,ie->je", g, image_features)


@right("Einsums, sums in place of means, and one formula for both directions.")
def with_einsum(images, texts, weight_i, weight_t, t, rate):
    def loss_of(weight_i, weight_t, t):
        z_i = images @ weight_i
        z_t = texts @ weight_t
        z_i = z_i / z_i.pow(2).sum(1, keepdim=True).sqrt()
        z_t = z_t / z_t.pow(2).sum(1, keepdim=True).sqrt()
        s = torch.exp(t) * z_i @ z_t.T
        return -(s.log_softmax(0) + s.log_softmax(1)).trace() / (2 * len(s))

    given = (weight_i, weight_t, t)
    slopes = torch.func.grad(loss_of, argnums=(0, 1, 2))(*given)
    weight_i, weight_t, t = (x - rate * slope for x, slope in zip(given, slopes))
    return loss_of(*given), weight_i, weight_t, min(t.item(), math.log(100))


@right("Plain Python loops over pairs.")
def loops(images, texts, weight_i, weight_t, t, rate):
    weights = [x.detach().clone().requires_grad_() for x in (weight_i, weight_t, t)]
    wi, wt, tt = weights
    zi = torch.stack([v / v.norm() for v in images @ wi])
    zt = torch.stack([v / v.norm() for v in texts @ wt])
    total = 0
    for k in range(len(zi)):
        row, column = zt @ zi[k] * tt.exp(), zi @ zt[k] * tt.exp()
        total = total - row.log_softmax(0)[k] - column.log_softmax(0)[k]
    loss = total / (2 * len(zi))
    slopes = torch.autograd.grad(loss, weights)
    new = [w.detach() - rate * slope for w, slope in zip(weights, slopes)]
    new[2] = torch.minimum(new[2], torch.tensor(100.0).log())
    return loss.item(), *new


@right("As the solutions write them: torch's own functions, and NumPy for the gradients.")
def master(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    logits = t.exp() * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@right("Modules, optimisers, losses of torch.nn; lists and Parameters come back, float64 inside.")
def modules_and_optimizers(images, texts, weight_i, weight_t, t, rate):
    parameters = [nn.Parameter(x.clone()) for x in (weight_i, weight_t, t)]
    optimizer = torch.optim.SGD(parameters, lr=rate)

    def unit(x):
        return x / x.norm(dim=-1, keepdim=True)

    scores = parameters[2].exp() * unit(images @ parameters[0]) @ unit(texts @ parameters[1]).mT
    pairs = torch.arange(scores.shape[0])
    cross_entropy = nn.CrossEntropyLoss()
    loss = cross_entropy(scores, pairs).add(cross_entropy(scores.mT, pairs)).mul(0.5)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    parameters[2].data.clamp_(max=np.log(100.0))
    return [loss, *parameters]


@right("NumPy throughout, gradients of the whole step by hand.")
def numpy(images, texts, weight_i, weight_t, t, rate):
    x, y, wi, wt = (a.double().numpy() for a in (images, texts, weight_i, weight_t))
    t = t.item()
    u, v = x @ wi, y @ wt
    lu, lv = np.linalg.norm(u, axis=1, keepdims=True), np.linalg.norm(v, axis=1, keepdims=True)
    u, v = u / lu, v / lv
    loss, du, dv = loss_and_gradients(u, v, np.exp(t))
    dt = (du * u).sum()  # each score is e^t times a cosine
    du = (du - (du * u).sum(1, keepdims=True) * u) / lu
    dv = (dv - (dv * v).sum(1, keepdims=True) * v) / lv
    new = [wi - rate * x.T @ du, wt - rate * y.T @ dv]
    return float(loss), *map(torch.from_numpy, new), min(np.log(100), t - rate * dt)


@right("Ready-made pieces of torch: an optimiser, logsumexp, soft targets, one-hot labels.")
def torch_tools(images, texts, weight_i, weight_t, t, rate):
    parameters = [nn.Parameter(x.clone()) for x in (weight_i, weight_t, t)]
    optimizer = torch.optim.SGD(parameters, lr=rate)
    z_i, z_t = (functional.normalize(x @ w, dim=-1) for x, w in zip((images, texts), parameters))
    logits = parameters[2].exp() * (z_i @ z_t.T)
    pairs = torch.arange(len(images))
    loss = sum(functional.cross_entropy(table, pairs) for table in (logits, logits.mT)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    parameters[2].data.clamp_(max=math.log(100))
    return (loss, *parameters)


@mistake(
    "The faulty step, copied.",
    fails="step-normalise, step-exp, step-both, step-clamp, step-update",
    says="normalised over the batch",
)
def as_it_was(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=0)
    text_features = F.normalize(texts @ weight_t, dim=0)
    scale = t.clamp(max=math.log(100))
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    over_texts = F.cross_entropy(logits, labels)
    over_images = F.cross_entropy(logits, labels)
    loss = (over_texts + over_images) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake("The logarithm is kept below 100.", fails="step-clamp", says="the scale shall be 100")
def clamp_at_100(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=100)
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "The clamp comes before the step, and none after it.",
    fails="step-clamp",
    says="took its step from there",
)
def clamp_first(images, texts, weight_i, weight_t, t, rate):
    t = t.clamp(max=math.log(100))
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "Keeps t above 0 as well, as CLIP's published code does.",
    fails="step-update",
    says="t went from -0.5 to 0.0000",
)
def clamp_from_zero(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    logits = t.exp() * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(0, math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "The clamp stays on the way to the loss.", fails="step-clamp", says="the scale shall be 100"
)
def clamp_inside(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp().clamp(max=100)
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "A clamp after the step, and still one on the way to the loss.",
    fails="step-clamp",
    says="did its slope arrive?",
)
def clamp_twice(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.clamp(max=math.log(100)).exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "The weights that were passed take the step.",
    fails="step-update",
    says="its third argument: after the call it is not what was passed",
)
def in_place(images, texts, weight_i, weight_t, t, rate):
    parameters = [x.requires_grad_() for x in (weight_i, weight_t, t)]
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    logits = t.exp() * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for parameter in parameters:
            parameter -= rate * parameter.grad
        t.clamp_(max=math.log(100))
    return tuple(x.detach() for x in (loss, weight_i, weight_t, t))


@mistake(
    "The lecture's sum, with its slopes.",
    fails="step-normalise, step-exp, step-both, step-clamp, step-update",
    says="comes from none of the faults",
)
def loss_of_the_sum(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) * len(labels) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake("No clamp at all.", fails="step-clamp", says="the scale shall be 100")
def no_clamp(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "The scale is t.",
    fails="step-exp, step-clamp, step-update",
    says="the loss is that of the scale t",
)
def no_exp(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "Both cross-entropies take the same matrix.",
    fails="step-both, step-update",
    says="one direction alone",
)
def one_direction(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "Both cross-entropies take the turned matrix.",
    fails="step-both, step-update",
    says="one direction alone",
)
def other_direction(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits.T, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "Still normalised over the batch.",
    fails="step-normalise, step-update",
    says="normalised over the batch",
)
def over_batch(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=0)
    text_features = F.normalize(texts @ weight_t, dim=0)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "Divided by e to the t.",
    fails="step-normalise, step-exp, step-both, step-clamp, step-update",
    says="comes from none of the faults",
)
def scale_divides(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = (-t).exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake("t stays as it is.", fails="step-clamp, step-update", says="t went from 2.0 to 2.0000")
def t_does_not_learn(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "The features of the texts are cut from their weight.",
    fails="step-update",
    says="the text weight did not move",
)
def texts_do_not_learn(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1).detach()
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        weight_t.grad = torch.zeros_like(weight_t)
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "The images are mended, the texts are not.",
    fails="step-normalise, step-update",
    says="normalised over the batch",
)
def texts_over_batch(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=0)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight -= rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake(
    "Up the slope.", fails="step-clamp, step-update", says="did not move by -rate times the slope"
)
def uphill(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        for weight in (weight_i, weight_t, t):
            weight += rate * weight.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


@mistake("Only t takes its step.", fails="step-update", says="the image weight did not move")
def weights_do_not_learn(images, texts, weight_i, weight_t, t, rate):
    weight_i, weight_t, t = (x.clone().requires_grad_() for x in (weight_i, weight_t, t))
    image_features = F.normalize(images @ weight_i, dim=1)
    text_features = F.normalize(texts @ weight_t, dim=1)
    scale = t.exp()
    logits = scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    loss.backward()
    with torch.no_grad():
        t -= rate * t.grad
        t.clamp_(max=math.log(100))
    return loss.detach(), weight_i.detach(), weight_t.detach(), t.detach()


def _features(x, w):
    return F.normalize(x @ w, dim=1)


def _loss(images, texts, wi, wt, t):
    s = t.exp() * _features(images, wi) @ _features(texts, wt).T
    y = torch.arange(len(s))
    return (F.cross_entropy(s, y) + F.cross_entropy(s.T, y)) / 2


@right("autograd.grad, new tensors.")
def by_grad(images, texts, weight_i, weight_t, t, rate):
    p = [x.detach().clone().requires_grad_() for x in (weight_i, weight_t, t)]
    loss = _loss(images, texts, *p)
    a, b, c = (x - rate * g for x, g in zip(p, torch.autograd.grad(loss, p)))
    return (
        loss.detach(),
        a.detach(),
        b.detach(),
        torch.minimum(c, torch.tensor(100.0).log()).detach(),
    )


@right("torch.func.grad_and_value.")
def functional_grad(images, texts, weight_i, weight_t, t, rate):
    f = torch.func.grad_and_value(lambda *p: _loss(images, texts, *p), argnums=(0, 1, 2))
    g, loss = f(weight_i, weight_t, t)
    a, b, c = (x - rate * y for x, y in zip((weight_i, weight_t, t), g))
    return loss, a, b, c.clamp(max=math.log(100.0))


@right("The scale is limited: min(e^t, 100), and its logarithm.")
def limited_scale(images, texts, weight_i, weight_t, t, rate):
    loss, a, b, c = by_grad(images, texts, weight_i, weight_t, t, rate)
    return loss, a, b, float(min(math.exp(c), 100.0)) and math.log(min(math.exp(c), 100.0))


@right("In float64.")
def double(images, texts, weight_i, weight_t, t, rate):
    return by_grad(*(x.double() for x in (images, texts, weight_i, weight_t, t)), rate)


@mistake(
    "All three are kept at log 100 or below.",
    fails="step-update",
    says="or below: that limit is t's alone",
)
def clamp_in_the_loop(images, texts, weight_i, weight_t, t, rate):
    loss, a, b, c = by_grad(images, texts, weight_i, weight_t, t, rate)
    return loss, a.clamp(max=math.log(100)), b.clamp(max=math.log(100)), c


@mistake(
    "The limit also keeps t above 0 in its absolute value.", fails="step-update", says="t went from"
)
def clamp_both_sides(images, texts, weight_i, weight_t, t, rate):
    loss, a, b, c = by_grad(images, texts, weight_i, weight_t, t, rate)
    return loss, a, b, c.clamp(min=0)


@mistake(
    "Gradients are clipped to length 1.",
    fails="step-clamp, step-update",
    says="one step down its slope",
)
def clipped(images, texts, weight_i, weight_t, t, rate):
    p = [x.clone().requires_grad_() for x in (weight_i, weight_t, t)]
    loss = _loss(images, texts, *p)
    loss.backward()
    nn.utils.clip_grad_norm_(p, 0.1)
    with torch.no_grad():
        a, b, c = (x - rate * x.grad for x in p)
    return loss.detach(), a, b, c.clamp(max=math.log(100))


@mistake(
    "Adam in the place of plain descent.",
    fails="step-clamp, step-update",
    says="one step down its slope",
)
def adam(images, texts, weight_i, weight_t, t, rate):
    p = [x.clone().requires_grad_() for x in (weight_i, weight_t, t)]
    o = torch.optim.Adam(p, lr=rate)
    loss = _loss(images, texts, *p)
    loss.backward()
    o.step()
    return loss.detach(), p[0].detach(), p[1].detach(), p[2].detach().clamp(max=math.log(100))


@mistake(
    "The loss after the step comes back.",
    fails="step-normalise, step-exp, step-both, step-update",
    says="comes from none of the faults: what else was changed?",
)
def loss_afterwards(images, texts, weight_i, weight_t, t, rate):
    _, a, b, c = by_grad(images, texts, weight_i, weight_t, t, rate)
    return _loss(images, texts, a, b, c), a, b, c


@mistake("t takes a smaller step.", fails="step-clamp, step-update", says="one step down its slope")
def slow_t(images, texts, weight_i, weight_t, t, rate):
    loss, a, b, c = by_grad(images, texts, weight_i, weight_t, t, rate)
    return loss, a, b, (t + 0.5 * (c - t)).clamp(max=math.log(100))


@mistake("The scale is kept at 100: t at 100.", fails="step-clamp", says="; the scale shall be")
def clamp_100(images, texts, weight_i, weight_t, t, rate):
    p = [x.detach().clone().requires_grad_() for x in (weight_i, weight_t, t)]
    loss = _loss(images, texts, *p)
    a, b, c = (x - rate * g for x, g in zip(p, torch.autograd.grad(loss, p)))
    return loss.detach(), a.detach(), b.detach(), c.detach().clamp(max=100)


@mistake(
    "A step of weight decay as well.",
    fails="step-update",
    says="the image weight did not move by -rate times the slope of the right loss",
)
def decayed(images, texts, weight_i, weight_t, t, rate):
    loss, a, b, c = by_grad(images, texts, weight_i, weight_t, t, rate)
    return loss, a - rate * 0.1 * weight_i, b - rate * 0.1 * weight_t, c


@mistake(
    "t itself is the new scale.", fails="step-clamp, step-update", says="one step down its slope"
)
def scale_returned(images, texts, weight_i, weight_t, t, rate):
    loss, a, b, c = by_grad(images, texts, weight_i, weight_t, t, rate)
    return loss, a, b, c.exp()


@mistake(
    "The texts' weight moves with the old images.",
    fails="step-update",
    says="the image weight did not move by -rate times the slope of the right loss",
)
def one_side_detached(images, texts, weight_i, weight_t, t, rate):
    p = [x.clone().requires_grad_() for x in (weight_i, weight_t, t)]
    s = p[2].exp() * _features(images, p[0]) @ _features(texts, p[1].detach()).T
    s2 = p[2].exp() * _features(images, p[0].detach()) @ _features(texts, p[1]).T
    y = torch.arange(len(s))
    loss = (F.cross_entropy(s, y) + F.cross_entropy(s2.T, y)) / 2
    g = torch.autograd.grad(loss, p)
    a, b, c = (x - rate * d for x, d in zip(p, g))
    return loss.detach(), a.detach(), b.detach(), c.detach().clamp(max=math.log(100))


@mistake(
    "Centred before normalising.",
    fails="step-normalise, step-exp, step-both, step-clamp, step-update",
    says="comes from none of the faults: what else was changed?",
)
def centred(images, texts, weight_i, weight_t, t, rate):
    return by_grad(images - images.mean(0), texts - texts.mean(0), weight_i, weight_t, t, rate)
