"""Right and wrong answers to cost."""

from bank import mistake, right


def parts(config, *, extra=1, pairs=2):
    c = config
    n = (c["height"] // c["patch_size"]) * (c["width_in_pixels"] // c["patch_size"])
    t, d, deep = n + extra, c["width"], c["depth"]
    return {
        "patches": n * c["channels"] * c["patch_size"] ** 2 * d,
        "qkv": deep * t * d * 3 * d,
        "attention": deep * pairs * t * t * d,
        "out": deep * t * d * d,
        "mlp": deep * 2 * t * d * c["mlp_width"],
        "head": d * c["classes"],
    }


@right("As the solutions write it.")
def master(config):
    return parts(config)


@right("Block by block, head by head.")
def summed(config):
    rows = config["height"] / config["patch_size"]
    columns = config["width_in_pixels"] / config["patch_size"]
    patches = int(rows * columns)
    result = dict.fromkeys(("head", "mlp", "out", "attention", "qkv", "patches"), 0)
    width = config["width"]
    for _ in range(patches):
        result["patches"] += config["channels"] * config["patch_size"] ** 2 * width
    for _ in range(config["depth"]):
        for _ in range(patches + 1):
            result["qkv"] += 3 * width**2
            result["out"] += width**2
            result["mlp"] += 2 * width * config["mlp_width"]
        for _ in range(config["heads"]):
            result["attention"] += 2 * (patches + 1) ** 2 * (width // config["heads"])
    result["head"] += config["classes"] * width
    return result


@right("Through shapes of products.")
def shapes(config):
    def product(*sides):
        total = 1
        for side in sides:
            total *= side
        return total

    p, d, n = config["patch_size"], config["width"], config["depth"]
    grid = config["height"] // p, config["width_in_pixels"] // p
    t = product(*grid) + 1
    return {
        "patches": product(*grid, p, p, config["channels"], d),
        "qkv": product(n, t, d, 3 * d),
        "attention": product(n, t, d, t) + product(n, t, t, d),
        "out": product(n, t, d, d),
        "mlp": product(n, t, d, config["mlp_width"], 2),
        "head": product(d, config["classes"]),
    }


@right("Pixels divided once.")
def by_area(config):
    area = config["height"] * config["width_in_pixels"]
    t = area // config["patch_size"] ** 2 + 1
    matrix = config["depth"] * t * config["width"]
    return {
        "patches": area * config["channels"] * config["width"],
        "qkv": 3 * matrix * config["width"],
        "attention": 2 * matrix * t,
        "out": matrix * config["width"],
        "mlp": 2 * matrix * config["mlp_width"],
        "head": config["width"] * config["classes"],
    }


@right("With a total beside the parts.")
def with_total(config):
    result = parts(config)
    return result | {"total": sum(result.values())}


@mistake("The class token is left out.", fails="cost-matrices, cost-attention, cost-mlp",
         says="the class token is left out")  # fmt: skip
def without_class_token(config):
    return parts(config, extra=0)


@mistake(
    "One of attention's two products.", fails="cost-attention", says="only one of its two products"
)
def scores_alone(config):
    return parts(config, pairs=1)


@mistake("Heads multiply the cost.", fails="cost-attention", says="the heads multiply nothing")
def times_heads(config):
    return parts(config, pairs=2 * config["heads"])


@mistake("N² without D.", fails="cost-attention", says="takes D multiply-adds")
def pairs_alone(config):
    result = parts(config)
    return result | {"attention": result["attention"] // config["width"]}


@mistake(
    "One of queries, keys and values.", fails="cost-matrices", says="one of its three matrices"
)
def qkv_once(config):
    result = parts(config)
    return result | {"qkv": result["qkv"] // 3}


@mistake(
    "One block alone.", fails="cost-matrices, cost-attention, cost-mlp", says="one block's cost"
)
def one_block(config):
    return parts(config | {"depth": 1})


@mistake("The MLP's way up alone.", fails="cost-mlp", says="only one of its two products")
def up_alone(config):
    result = parts(config)
    return result | {"mlp": result["mlp"] // 2}


@mistake("The channels are forgotten.", fails="cost-ends", says="the channels are left out")
def grey(config):
    return parts(config | {"channels": 1})


@mistake("A head for each token.", fails="cost-ends", says="it reads the class token alone")
def head_everywhere(config):
    n = (config["height"] // config["patch_size"]) * (
        config["width_in_pixels"] // config["patch_size"]
    )
    result = parts(config)
    return result | {"head": result["head"] * (n + 1)}


@mistake("The output projection is left out of the dictionary.",
         fails="cost-ends, cost-matrices, cost-attention, cost-mlp", says="wanted a dictionary")  # fmt: skip
def no_out(config):
    result = parts(config)
    del result["out"]
    return result


@mistake("The configuration is changed.", fails="cost-ends", says="changed its first argument")
def config_changed(config):
    result = parts(config)
    config["depth"] = 0
    return result


@mistake("Three channels, whatever is said.", fails="cost-ends", says="it has 3 channels")
def three_channels(config):
    return parts(config | {"channels": 3})


@mistake("An inner width of 4·D.", fails="cost-mlp", says="taken for 4·D")
def four_times(config):
    return parts(config | {"mlp_width": 4 * config["width"]})


@mistake("The class token is projected, too.", fails="cost-ends", says="N patches, not 1 + N")
def token_projected(config):
    result = parts(config)
    per_patch = config["channels"] * config["patch_size"] ** 2 * config["width"]
    return result | {"patches": result["patches"] + per_patch}


@mistake("One head's attention.", fails="cost-attention", says="this is the cost of one head")
def of_one_head(config):
    result = parts(config)
    return result | {"attention": result["attention"] // config["heads"]}


@mistake("Twice, as additions and products.", says="twice too much",
         fails="cost-ends, cost-matrices, cost-attention, cost-mlp")  # fmt: skip
def flops(config):
    return {name: 2 * count for name, count in parts(config).items()}


@mistake("Height and width as if the picture were square.", says="wanted",
         fails="cost-ends, cost-matrices, cost-attention, cost-mlp")  # fmt: skip
def square_picture(config):
    return parts(config | {"width_in_pixels": config["height"]})


@mistake("Scores alone are multiplied out, with a sum too many.", fails="cost-attention",
         says=(",", "wanted"))  # fmt: skip
def one_less(config):
    result = parts(config)
    return result | {"attention": result["attention"] - config["depth"]}
