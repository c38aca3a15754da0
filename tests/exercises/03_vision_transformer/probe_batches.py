"""Right and wrong answers to probe_batches."""

import torch
from einops import rearrange

from bank import mistake, right


def rolled(images, size):
    return images.roll((size, size), dims=(2, 3))


def cut(images, size):
    return rearrange(images, "b c (i h) (j w) -> b (i j) (c h w)", h=size, w=size)


def joined(patches, images, size):
    rows, channels = images.shape[2] // size, images.shape[1]
    return rearrange(
        patches, "b (i j) (c h w) -> b c (i h) (j w)", i=rows, c=channels, h=size, w=size
    )


def other(images):
    changed = images.clone()
    changed[1] = images[0]
    return changed


def twisted(images, patch_size, twist):
    changed = images.clone()
    changed[1] = twist(images[1])
    return changed, rolled_once(images, patch_size)


def rolled_once(images, size):
    return joined(cut(images, size).roll(1, 1), images, size)


@right("Cut, reversed, joined.")
def reversed_patches(images, patch_size):
    return other(images), joined(cut(images, patch_size).flip(1), images, patch_size)


@right("A roll along both sides, and the last picture in place of picture 1.")
def by_roll(images, patch_size):
    changed = images.clone()
    changed[1] = images[-1 if len(images) > 2 else 0]
    moved = images.roll((patch_size, patch_size), dims=(2, 3))
    return changed, moved


@right("By indices, and a shift of the list of patches by one.")
def by_indices(images, patch_size):
    order = torch.arange(len(images))
    order[1] = (order[1] + 1) % len(images)
    return images[order], rolled_once(images, patch_size)


@right("Slices: the strip that comes first goes last.")
def slices(images, patch_size):
    parts = list(images)
    parts[1] = parts[0]
    if images.shape[3] > patch_size:
        moved = torch.cat((images[..., patch_size:], images[..., :patch_size]), 3)
    else:
        moved = torch.cat((images[:, :, patch_size:], images[:, :, :patch_size]), 2)
    return torch.stack(parts), moved


@mistake(
    "Pictures are exchanged, not patches.", fails="probe-moved", says="pictures were exchanged"
)
def batch_permuted(images, patch_size):
    return other(images), images.flip(0)


@mistake("The picture is mirrored.", fails="probe-moved", says="a patch was cut or turned")
def mirrored(images, patch_size):
    return other(images), images.flip((2, 3))


@mistake("Picture 0 is changed.", fails="probe-changed", says="another picture than number 1")
def picture_0(images, patch_size):
    changed = images.clone()
    changed[0] += 1
    return changed, rolled(images, patch_size)


@mistake("The whole batch is changed.", fails="probe-changed", says="another picture than number 1")
def all_changed(images, patch_size):
    return images + 1, rolled(images, patch_size)


@mistake("Nothing is changed.", fails="probe-changed", says="picture 1 is as it was")
def nothing_changed(images, patch_size):
    return images.clone(), rolled(images, patch_size)


@mistake("Nothing is moved.", fails="probe-moved", says="no patch was moved")
def nothing_moved(images, patch_size):
    return other(images), images.clone()


@mistake("A roll by one pixel.", fails="probe-moved", says="a patch was cut or turned")
def by_a_pixel(images, patch_size):
    return other(images), images.roll((1, 1), dims=(2, 3))


@mistake("Each picture in an order of its own.", fails="probe-moved", says="different orders")
def own_orders(images, patch_size):
    patches = cut(images, patch_size)
    moved = torch.stack([one.roll(1 + k % 2 * (len(one) - 1), 0) for k, one in enumerate(patches)])
    return other(images), joined(moved, images, patch_size)


@mistake("Written into the images.", fails="probe-changed", says="changed its first argument")
def in_place(images, patch_size):
    kept = images.clone()
    images[1] = images[0]
    changed = images
    return changed, rolled(kept, patch_size)


@mistake("A patch is copied over another.", fails="probe-moved", says="a patch is missing")
def copied_over(images, patch_size):
    patches = cut(images, patch_size)
    moved = patches.clone()
    moved[:, 0] = patches[:, -1]
    return other(images), joined(moved, images, patch_size)


@mistake("−x in place of another picture.", fails="probe-changed", says="A layer norm takes")
def negated(images, patch_size):
    return twisted(images, patch_size, lambda x: -x)


@mistake("1 − x in place of another picture.", fails="probe-changed", says="none of the batch's")
def inverted(images, patch_size):
    return twisted(images, patch_size, lambda x: 1 - x)


@mistake("Zeros in place of another picture.", fails="probe-changed", says="none of the batch's")
def zeroed(images, patch_size):
    return twisted(images, patch_size, torch.zeros_like)


@mistake("2·x in place of another picture.", fails="probe-changed", says="none of the batch's")
def doubled(images, patch_size):
    return twisted(images, patch_size, lambda x: 2 * x)


@mistake("Noise in place of another picture.", fails="probe-changed", says="none of the batch's")
def noise(images, patch_size):
    generator = torch.Generator().manual_seed(1)
    return twisted(images, patch_size, lambda x: torch.rand(x.shape, generator=generator).to(x))


@mistake("float64 answered in float32.", fails="probe-changed, probe-moved",
         says=("torch.float64 went in", "float64"))  # fmt: skip
def single(images, patch_size):
    return tuple(batch.float() for batch in (other(images), rolled_once(images, patch_size)))


@mistake("float64 passes through float32.", fails="probe-changed, probe-moved",
         says="goes through float32")  # fmt: skip
def rounded(images, patch_size):
    given = images.float().to(images.dtype)
    return other(given), rolled_once(given, patch_size)
