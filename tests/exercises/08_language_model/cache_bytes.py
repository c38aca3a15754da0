"""Right and wrong answers to cache_bytes."""

import math

import numpy as np
import torch

from bank import mistake, right


def a_token(model, size):
    return 2 * model["layers"] * model["kv_heads"] * model["head_width"] * size


def positions(row, vectors):
    return len(row) + row.count(-200) * (vectors - 1)


@right("As the solutions write it.")
def master(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, size)


@right("Position by position, in loops.")
def by_loops(model, rows, vectors, new, size):
    longest = 0
    for row in rows:
        length = 0
        for token in row:
            length += vectors if token == -200 else 1
        if length > longest:
            longest = length
    total = 0
    for _ in rows:
        for _ in range(model["layers"]):
            total += 2 * (longest + new - 1) * model["kv_heads"] * model["head_width"] * size
    return total


@right("The cache itself, on the meta device.")
def by_meta(model, rows, vectors, new, size):
    longest = max(sum(vectors if i < 0 else 1 for i in row) for row in rows)
    shape = (model["layers"], 2, len(rows), model["kv_heads"], longest + new - 1)
    return torch.empty(*shape, model["head_width"], device="meta").numel() * size


@right("Rows expanded first, as the transformers library does; math.prod.")
def by_expanding(model, rows, vectors, new, size):
    long = [
        [i for token in row for i in [token] * (vectors if token == -200 else 1)] for row in rows
    ]
    shape = (2, model["layers"], model["kv_heads"], model["head_width"], size, len(rows))
    return math.prod(shape) * (max(map(len, long)) + new - 1)


@mistake(
    "Keys alone.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="half of what is needed: keys AND values are kept",
)
def keys_alone(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, size) // 2


@mistake(
    "The heads of the queries are counted.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="counted with the heads of queries: nobody keeps queries",
)
def query_heads(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    one = 2 * model["layers"] * model["heads"] * model["head_width"] * size
    return len(rows) * (longest + new - 1) * one


@mistake(
    "A key is taken to be as wide as the model.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="counted with the model's width: a key has kv_heads · head_width numbers",
)
def by_width(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return len(rows) * (longest + new - 1) * 2 * model["layers"] * model["width"] * size


@mistake(
    "The width is divided among the key heads' queries.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="width // heads was taken for a head's width",
)
def width_over_heads(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    head_width = model["width"] // model["heads"]
    return (
        len(rows)
        * (longest + new - 1)
        * 2
        * model["layers"]
        * model["kv_heads"]
        * head_width
        * size
    )


@mistake(
    "One layer is missing.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="one layer is missing: each has keys and values of its own",
)
def layer_short(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    one = 2 * (model["layers"] - 1) * model["kv_heads"] * model["head_width"] * size
    return len(rows) * (longest + new - 1) * one


@mistake(
    "Two bytes a number, whatever is passed.",
    fails="bytes-token",
    says="every number was taken to have 2 bytes: it has `size`",
)
def two_bytes(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, 2)


@mistake(
    "The last new token is counted, though nobody reads it.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="the last new token is counted: it is written and never read",
)
def last_counted(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return len(rows) * (longest + new) * a_token(model, size)


@mistake(
    "The prompt alone.",
    fails="bytes-new, bytes-pictures, bytes-rows",
    says="the new tokens are missing: all but the last are read as well",
)
def prompt_alone(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return len(rows) * longest * a_token(model, size)


@mistake(
    "A picture is one token.",
    fails="bytes-pictures, bytes-rows",
    says="a picture was counted as one token: it is as many as it has vectors",
)
def picture_as_one(model, rows, vectors, new, size):
    longest = max(len(row) for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, size)


@mistake(
    "The marker is counted beside its vectors.",
    fails="bytes-pictures, bytes-rows",
    says="the marker was counted beside its picture's vectors: it leaves",
)
def marker_stays(model, rows, vectors, new, size):
    longest = max(len(row) + row.count(-200) * vectors for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, size)


@mistake(
    "One picture a row, however many markers stand there.",
    fails="bytes-pictures, bytes-rows",
    says="T - p + p·N",
)
def one_picture(model, rows, vectors, new, size):
    longest = max(len(row) + (-200 in row) * (vectors - 1) for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, size)


@mistake(
    "Every row has a picture.",
    fails="bytes-token, bytes-new, bytes-rows",
    says="bytes came back, wanted",
)
def always_a_picture(model, rows, vectors, new, size):
    longest = max(len(row) + max(row.count(-200), 1) * (vectors - 1) for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, size)


@mistake(
    "Each row is counted with its own length, as if nothing were padded.",
    fails="bytes-rows",
    says="each row was counted with its own length: a cache has one length for all rows",
)
def no_padding(model, rows, vectors, new, size):
    return sum((positions(row, vectors) + new - 1) * a_token(model, size) for row in rows)


@mistake(
    "The row with most ids is taken for the longest.",
    fails="bytes-rows",
    says="the row with most ids was taken for the longest: pictures make others longer",
)
def longest_of_ids(model, rows, vectors, new, size):
    row = max(rows, key=len)
    return len(rows) * (positions(row, vectors) + new - 1) * a_token(model, size)


@mistake(
    "One row's cache.",
    fails="bytes-rows",
    says="counted for one row: each row of the batch has a cache",
)
def one_row(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return (longest + new - 1) * a_token(model, size)


@mistake("The first row alone.", fails="bytes-rows", says="(the row with fewest ids is the longest")
def first_row(model, rows, vectors, new, size):
    return len(rows) * (positions(rows[0], vectors) + new - 1) * a_token(model, size)


@mistake(
    "A float comes back.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="cache_bytes returned a float, wanted an int: bytes are whole",
)
def a_float(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, size) / 1


@mistake(
    "A tensor comes back.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="cache_bytes returned a Tensor, wanted an int: bytes are whole",
)
def a_tensor(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return torch.tensor(len(rows) * (longest + new - 1) * a_token(model, size))


@mistake(
    "Kilobytes, rounded.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="bytes came back, wanted",
)
def kilobytes(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, size) // 1024


@mistake(
    "Pads the rows that were passed.",
    fails="bytes-rows",
    says="its second argument: after the call it is not what was passed",
)
def in_place(model, rows, vectors, new, size):
    longest = max(positions(row, vectors) for row in rows)
    for row in rows:
        while positions(row, vectors) < longest:
            row.append(0)
    return int(np.sum([positions(row, vectors) + new - 1 for row in rows])) * a_token(model, size)


FIRST = {}


@mistake(
    "Remembers the first model and takes every later one for it.",
    fails="bytes-token, bytes-new, bytes-pictures, bytes-rows",
    says="0 bytes came back, wanted",
)
def remembers(model, rows, vectors, new, size):
    one = FIRST.setdefault("bytes", a_token(model, size))
    longest = max(positions(row, vectors) for row in rows)
    return len(rows) * (longest + new - 1) * one


@mistake(
    "One marker of a row is taken away, however many stand there.",
    fails="bytes-pictures, bytes-rows",
    says="one marker of a row was taken away, whatever their number: each leaves",
)
def one_marker_leaves(model, rows, vectors, new, size):
    longest = max(len(row) + row.count(-200) * vectors - (-200 in row) for row in rows)
    return len(rows) * (longest + new - 1) * a_token(model, size)
