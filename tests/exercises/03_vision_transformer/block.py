"""Right and wrong answers to block."""

import torch
import torch.nn.functional as F

from bank import mistake, right


def norm(x, w, name):
    return F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-6)


def linear(x, w, name):
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def attention(x, w, heads):
    q, k, v = (
        part.unflatten(-1, (heads, -1)).transpose(1, 2)
        for part in linear(x, w, "attention.qkv").chunk(3, -1)
    )
    out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    return linear(out, w, "attention.out")


def mlp(x, w, bend=F.gelu):
    return linear(bend(linear(x, w, "mlp.up")), w, "mlp.down")


@right("As the contract says it.")
def master(x, weights, heads):
    x = x + attention(norm(x, weights, "norm1"), weights, heads)
    return x + mlp(norm(x, weights, "norm2"), weights)


@right("Everything by hand, head by head.")
def by_hand(x, weights, heads):
    def normed(x, name):
        x = x - x.mean(-1, keepdim=True)
        x = x / torch.sqrt(x.square().mean(-1, keepdim=True) + 1e-6)
        return x * weights[name + ".weight"] + weights[name + ".bias"]

    y = normed(x, "norm1") @ weights["attention.qkv.weight"].T + weights["attention.qkv.bias"]
    width = x.shape[-1]
    d = width // heads
    heard = []
    for h in range(heads):
        q, k, v = (y[..., n * width + h * d : n * width + (h + 1) * d] for n in range(3))
        heard.append((q @ k.mT / d**0.5).softmax(-1) @ v)
    x = x + torch.cat(heard, -1) @ weights["attention.out.weight"].T + weights["attention.out.bias"]
    y = normed(x, "norm2") @ weights["mlp.up.weight"].T + weights["mlp.up.bias"]
    y = y * 0.5 * (1 + torch.erf(y / 2**0.5))
    return x + y @ weights["mlp.down.weight"].T + weights["mlp.down.bias"]


@right("Modules of torch.nn, filled with the weights.")
def with_modules(x, weights, heads):
    def linear(name):
        weight = weights[name + ".weight"]
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = weight, weights[name + ".bias"]
        return layer

    def layer_norm(name):
        layer = torch.nn.LayerNorm(x.shape[-1], eps=1e-6)
        layer.weight.data, layer.bias.data = weights[name + ".weight"], weights[name + ".bias"]
        return layer

    q, k, v = linear("attention.qkv")(layer_norm("norm1")(x)).tensor_split(3, -1)
    q, k, v = (part.unflatten(-1, (heads, -1)).movedim(-2, 1) for part in (q, k, v))
    gathered = F.scaled_dot_product_attention(q, k, v).movedim(1, -2).flatten(-2)
    x = x + linear("attention.out")(gathered)
    body = (layer_norm("norm2"), linear("mlp.up"), torch.nn.GELU(), linear("mlp.down"))
    return x + torch.nn.Sequential(*body)(x)


@right("One residual after the other, added at the end.")
def added_late(x, weights, heads):
    first = attention(norm(x, weights, "norm1"), weights, heads)
    second = mlp(norm(first + x, weights, "norm2"), weights)
    return sum((first, second), start=x)


@mistake(
    "Post-norm.", fails="block-path, block-attention, block-whole", says="the norms stand after"
)
def post_norm(x, weights, heads):
    x = norm(x + attention(x, weights, heads), weights, "norm1")
    return norm(x + mlp(x, weights), weights, "norm2")


@mistake("x is overwritten by its norm.", fails="block-path, block-attention, block-whole",
         says="the path itself was normalised")  # fmt: skip
def overwritten(x, weights, heads):
    x = norm(x, weights, "norm1")
    x = x + attention(x, weights, heads)
    x = norm(x, weights, "norm2")
    return x + mlp(x, weights)


@mistake("x is overwritten by its first norm alone.",
         fails="block-path, block-attention, block-whole",
         says=("normed tokens came out", "x is overwritten by its norm"))  # fmt: skip
def overwritten_once(x, weights, heads):
    x = norm(x, weights, "norm1")
    x = x + attention(x, weights, heads)
    return x + mlp(norm(x, weights, "norm2"), weights)


@mistake("x′ is overwritten by its norm.",
         fails="block-path, block-attention, block-whole",
         says=("normed tokens came out", "x is overwritten by its norm"))  # fmt: skip
def overwritten_later(x, weights, heads):
    x = norm(x + attention(norm(x, weights, "norm1"), weights, heads), weights, "norm2")
    return x + mlp(x, weights)


@mistake("Divided by √D.", fails="block-attention, block-whole",
         says=("divided by √D, the width of all heads", "and how many?"))  # fmt: skip
def whole_width(x, weights, heads):
    q, k, v = (
        part.unflatten(-1, (heads, -1)).transpose(1, 2)
        for part in linear(norm(x, weights, "norm1"), weights, "attention.qkv").chunk(3, -1)
    )
    out = F.scaled_dot_product_attention(q, k, v, scale=x.shape[-1] ** -0.5)
    x = x + linear(out.transpose(1, 2).flatten(2), weights, "attention.out")
    return x + mlp(norm(x, weights, "norm2"), weights)


@mistake("The heads are forgotten.", fails="block-attention, block-whole",
         says="attention of one head, whatever")  # fmt: skip
def one_head(x, weights, heads):
    return master(x, weights, 1)


@mistake("One norm for both branches.", fails="block-whole", says="norm1 serves both")
def one_norm(x, weights, heads):
    x = x + attention(norm(x, weights, "norm1"), weights, heads)
    return x + mlp(norm(x, weights, "norm1"), weights)


@mistake("No residual around attention.", fails="block-path, block-attention, block-whole",
         says=("only zeros came out", "nothing is added to what attention gathers"))  # fmt: skip
def first_alone(x, weights, heads):
    x = attention(norm(x, weights, "norm1"), weights, heads)
    return x + mlp(norm(x, weights, "norm2"), weights)


@mistake("No residual around the MLP.", fails="block-path, block-attention, block-whole",
         says=("only zeros came out: x is lost", "and what to the MLP's?",
               "nothing is added to what the MLP gives"))  # fmt: skip
def second_alone(x, weights, heads):
    x = x + attention(norm(x, weights, "norm1"), weights, heads)
    return mlp(norm(x, weights, "norm2"), weights)


@mistake("The MLP reads x, beside attention.", fails="block-whole", says="the MLP reads x")
def side_by_side(x, weights, heads):
    gathered = attention(norm(x, weights, "norm1"), weights, heads)
    return x + gathered + mlp(norm(x, weights, "norm2"), weights)


@mistake("The MLP's result is added to x.", fails="block-attention, block-whole",
         says="the MLP's result was added to x")  # fmt: skip
def old_x(x, weights, heads):
    after = x + attention(norm(x, weights, "norm1"), weights, heads)
    return x + mlp(norm(after, weights, "norm2"), weights)


@mistake("Attention reads x itself.", fails="block-attention, block-whole",
         says="attention reads x without norm1")  # fmt: skip
def first_unnormed(x, weights, heads):
    x = x + attention(x, weights, heads)
    return x + mlp(norm(x, weights, "norm2"), weights)


@mistake("The MLP reads x′ itself.", fails="block-whole", says="the MLP reads x′ without norm2")
def second_unnormed(x, weights, heads):
    x = x + attention(norm(x, weights, "norm1"), weights, heads)
    return x + mlp(x, weights)


@mistake("The approximate GELU.", fails="block-whole", says="the approximate GELU")
def tanh_gelu(x, weights, heads):
    def bend(y):
        return F.gelu(y, approximate="tanh")

    x = x + attention(norm(x, weights, "norm1"), weights, heads)
    return x + mlp(norm(x, weights, "norm2"), weights, bend)


@mistake("ReLU.", fails="block-whole", says="with a ReLU")
def relu(x, weights, heads):
    x = x + attention(norm(x, weights, "norm1"), weights, heads)
    return x + mlp(norm(x, weights, "norm2"), weights, F.relu)


@mistake("eps of 1e-5, torch's own.", fails="block-whole", says="torch's own eps")
def other_eps(x, weights, heads):
    def normed(x, name):
        return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])

    x = x + attention(normed(x, "norm1"), weights, heads)
    return x + mlp(normed(x, "norm2"), weights)


@mistake("Keys and queries' rows are taken head by head.", fails="block-attention, block-whole",
         says="the token is")  # fmt: skip
def rows_by_head(x, weights, heads):
    parts = linear(norm(x, weights, "norm1"), weights, "attention.qkv")
    q, k, v = parts.unflatten(-1, (heads, 3, -1)).permute(3, 0, 2, 1, 4)
    out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    x = x + linear(out, weights, "attention.out")
    return x + mlp(norm(x, weights, "norm2"), weights)


@mistake("Without gradients.", fails="block-slopes", says="no gradient reaches")
def no_gradient(x, weights, heads):
    with torch.no_grad():
        return master(x, weights, heads)


@mistake("The eps of norm2 is forgotten.", fails="block-whole", says="where the eps of norm2")
def second_eps(x, weights, heads):
    x = x + attention(norm(x, weights, "norm1"), weights, heads)
    normed = F.layer_norm(x, x.shape[-1:], weights["norm2.weight"], weights["norm2.bias"])
    return x + mlp(normed, weights)


@mistake("No eps at all.", fails="block-whole", says="where the eps of norm1")
def no_eps(x, weights, heads):
    def normed(x, name):
        x = x - x.mean(-1, keepdim=True)
        x = x / x.std(-1, correction=0, keepdim=True)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    x = x + attention(normed(x, "norm1"), weights, heads)
    return x + mlp(normed(x, "norm2"), weights)


@mistake("Weights are taken out of the dictionary.", fails="block-whole",
         says=("changed its second argument", "pop"))  # fmt: skip
def popped(x, weights, heads):
    result = master(x, weights, heads)
    weights.pop("mlp.up.bias")
    return result


@mistake("x comes back.", fails="block-path, block-attention, block-whole",
         says=("attention added nothing", "nothing is added"))  # fmt: skip
def as_it_came(x, weights, heads):
    return x
