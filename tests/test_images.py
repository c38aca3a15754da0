"""Pictures to tensors, against transformers' Pillow processors, and every bad picture."""

import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from mvlm import images as im


def picture(height: int, width: int, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """A smooth random picture, so that resizing has something to do."""
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


SIZES = [(224, 224), (480, 640), (333, 500), (500, 333), (100, 31), (31, 100)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK"])
def test_equal_to_transformers_clip(size, mode):
    from transformers.models.clip import CLIPImageProcessorPil

    image = picture(*size, mode)
    theirs = CLIPImageProcessorPil()(image, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(im.clip_preprocessing()(image), theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_equal_to_transformers_vit(size):
    from transformers.models.vit import ViTImageProcessorPil

    image = picture(*size)
    theirs = ViTImageProcessorPil()(image, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(im.vit_preprocessing()(image), theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_padding_equal_to_transformers_llava(size):
    from transformers.models.llava import LlavaImageProcessorPil

    image = picture(*size)
    theirs = LlavaImageProcessorPil(
        do_pad=True, size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}
    )(image, return_tensors="pt")["pixel_values"]
    ours = im.Preprocessing(resize=336, crop=(336, 336), square=True)(image)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_pad_to_square_uses_clips_mean_colour():
    square = im.pad_to_square(picture(10, 30))
    assert square.size == (30, 30)
    assert square.getpixel((0, 0)) == (122, 116, 104)


def test_there_and_back():
    image = picture(12, 20)
    tensor = im.to_tensor(image)
    assert tensor.shape == (3, 12, 20)
    assert 0 <= tensor.min() <= tensor.max() <= 1
    assert im.to_image(tensor).tobytes() == image.tobytes()


def test_known_bug_rescaling_twice():
    """transformers #24857: values already between 0 and 1 divided by 255 again turn black."""
    white = Image.new("RGB", (4, 4), "white")
    assert im.to_tensor(white).max() == 1
    assert im.Preprocessing(resize=4, mean=(0, 0, 0), std=(1, 1, 1))(white).max() == 1


def test_known_bug_missing_normalisation():
    image = picture(224, 224)
    plain, normalised = im.to_tensor(image), im.clip_preprocessing()(image)[0]
    assert not torch.allclose(plain, normalised, atol=0.1)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (im.CLIP_MEAN, im.CLIP_STD))
    torch.testing.assert_close(normalised * std + mean, plain)


def test_crop_and_pad_to_a_multiple():
    assert im.crop_to_multiple(picture(128, 100), 40).size == (80, 120)
    padded = im.pad_to_multiple(picture(128, 100), 40)
    assert padded.size == (120, 160)
    assert padded.getpixel((119, 159)) == (0, 0, 0)
    assert im.pad_to_multiple(picture(120, 120), 40).size == (120, 120)


def test_several_pictures_become_one_batch():
    batch = im.clip_preprocessing(32)([picture(40, 50), picture(64, 33)])
    assert batch.shape == (2, 3, 32, 32)


# --- bad input ---------------------------------------------------------------------------------


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no picture at .*nothing.png: check the name"):
        im.open_image(tmp_path / "nothing.png")


def test_a_file_that_is_no_picture(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("hello")
    with pytest.raises(ValueError, match=r"notes.png is not a picture that Pillow can read"):
        im.open_image(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_file_that_is_cut_off(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    picture(200, 200).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="cut.* is (damaged or cut off|not a picture)"):
        im.open_image(path)


def test_a_picture_that_is_far_too_large(tmp_path, monkeypatch):
    path = tmp_path / "huge.png"
    picture(100, 100).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"huge.png is too large .*scale it down first"):
        im.open_image(path)


def test_a_16_bit_picture(tmp_path):
    path = tmp_path / "depth.png"
    Image.fromarray(np.full((4, 4), 40_000, dtype=np.uint16)).save(path)
    with pytest.raises(ValueError, match=r"mode 'I.*more than 8 bits a channel: scale it first"):
        im.open_image(path)


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "1", "CMYK"])
def test_other_modes_are_converted(tmp_path, mode):
    path = tmp_path / ("picture.tiff" if mode == "CMYK" else "picture.png")
    picture(8, 6).convert(mode).save(path)
    assert im.open_image(path).mode == "RGB"
    assert im.to_tensor(Image.open(path)).shape == (3, 8, 6)


def test_a_folder_and_a_file_within_a_file(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder: pass one picture file"):
        im.open_image(tmp_path)
    picture(4, 4).save(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match=r"no picture at .*a.png.b.png: check the name"):
        im.open_image(tmp_path / "a.png" / "b.png")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_shows_through_a_transparent_picture(tmp_path, mode):
    """Of a drawing saved with black beneath its clear pixels nothing would be left on black."""
    path, white = tmp_path / "clear.png", (255, 255, 255)
    drawing = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    drawing.putpixel((1, 2), (0, 0, 0, 255))
    clear = {"transparency": 0} if mode == "P" else {}
    if mode == "P":
        drawing = Image.new("P", (4, 4), 0)
        drawing.putpalette([0, 0, 0, 0, 0, 0])
        drawing.putpixel((1, 2), 1)
    drawing.convert(mode).save(path, **clear)
    shown = im.open_image(path, background=white)
    assert shown.mode == "RGB"
    assert [shown.getpixel(at) for at in ((0, 0), (1, 2))] == [white, (0, 0, 0)]
    assert im.open_image(path).getpixel((0, 0)) == (0, 0, 0)


def test_a_photograph_taken_on_its_side_is_turned(tmp_path):
    path, upright = tmp_path / "side.png", picture(6, 9)
    exif = upright.getexif()
    exif[0x0112] = 6  # orientation: turn it by 90 degrees to the right
    upright.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    assert im.open_image(path).tobytes() == upright.tobytes()


def test_a_cameras_notes_that_cannot_be_read_do_no_harm(tmp_path, monkeypatch):
    def broken(image):
        raise TypeError("bad operand type for abs(): 'str'")  # met when bytes of a file changed

    picture(4, 4).save(tmp_path / "a.png")
    monkeypatch.setattr(im.ImageOps, "exif_transpose", broken)
    assert im.open_image(tmp_path / "a.png").size == (4, 4)


def test_any_picture_fits_on_a_square():
    square = picture(120, 120)
    assert im.fit_on_square(square, 120).tobytes() == square.tobytes()
    black = im.fit_on_square(Image.new("RGB", (40, 20)), 8)
    rows = [black.getpixel((0, y))[0] for y in range(8)]
    assert rows == [255, 255, 0, 0, 0, 0, 255, 255]
    assert im.fit_on_square(Image.new("L", (1, 200_000)), 8).size == (8, 8)


def test_wrong_types_and_sizes():
    with pytest.raises(TypeError, match="a ndarray: pass a Pillow image"):
        im.to_tensor(np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match=r"picture is 4×4, smaller than the crop 8×8"):
        im.center_crop(picture(4, 4), (8, 8))
    with pytest.raises(ValueError, match="smaller than one patch of 40: pad it"):
        im.crop_to_multiple(picture(39, 80), 40)
    with pytest.raises(ValueError, match="no picture came"):
        im.clip_preprocessing()([])
    with pytest.raises(ValueError, match=r"tensor is \(1, 3, 4, 4\), wanted one picture"):
        im.to_image(torch.zeros(1, 3, 4, 4))


# --- long lines, large pictures, odd modes ------------------------------------------------------


def theirs_clip(image: Image.Image, size: int) -> torch.Tensor:
    from transformers.models.clip import CLIPImageProcessorPil

    processor = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size=size)
    return processor(image, return_tensors="pt")["pixel_values"]


@pytest.mark.parametrize("shape", [(2, 900), (900, 2), (3, 1201), (40, 77)])
def test_only_the_kept_part_of_a_line_is_scaled(shape, monkeypatch):
    """As if the limit were low: the same picture within the rounding of one level of 255."""
    image = picture(*shape)
    want = theirs_clip(image, 24)
    torch.testing.assert_close(im.clip_preprocessing(24)(image), want, atol=1e-6, rtol=0)
    monkeypatch.setattr(im, "MOST_PIXELS", 500)
    assert (im.clip_preprocessing(24)(image) - want).abs().max() < 1.1 / 255 / min(im.CLIP_STD)


@pytest.mark.parametrize("shape", [(2, 900), (900, 2), (3, 1201)])
def test_a_line_is_padded_without_its_square(shape, monkeypatch):
    image, prepare = picture(*shape), im.Preprocessing(resize=24, crop=(20, 20), square=True)
    want = prepare(image)
    monkeypatch.setattr(im, "MOST_PIXELS", 500)
    assert (prepare(image) - want).abs().max() < 2.1 / 255 / min(im.CLIP_STD)


@pytest.mark.parametrize("shape", [(1, 70_000), (70_000, 1)])
def test_a_line_of_one_pixel_fits_in_memory(shape):
    line = Image.new("RGB", shape[::-1], (9, 99, 200))
    clip = im.Preprocessing(resize=32, crop=(32, 32), mean=(0, 0, 0), std=(1, 1, 1))(line)
    colours = torch.tensor([9, 99, 200]).view(1, 3, 1, 1) / 255
    assert torch.equal(clip, colours.expand(1, 3, 32, 32))
    assert im.Preprocessing(resize=32, square=True)(line).shape == (1, 3, 32, 32)
    with pytest.raises(ValueError, match="would be scaled to .*: cut it into shorter pieces"):
        im.Preprocessing(resize=32)(line)
    with pytest.raises(ValueError, match="would be padded to 70,000×70,000: scale it first"):
        im.pad_to_square(line)


def test_pictures_of_no_pixel_or_of_several_sizes():
    with pytest.raises(ValueError, match="the picture is 0×5: it has no pixel"):
        im.clip_preprocessing(8)(Image.new("RGB", (5, 0)))
    with pytest.raises(ValueError, match="come out 8×12 and 8×8: pass one at a time, or set crop"):
        im.Preprocessing(resize=8)([picture(20, 30), picture(20, 20)])


def test_a_large_photo_is_read_at_half_its_sides(tmp_path, monkeypatch):
    picture(120, 200).save(tmp_path / "photo.jpg")
    picture(120, 200).save(tmp_path / "drawing.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)  # 24,000 came
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert im.open_image(tmp_path / "photo.jpg").size == (100, 60)
        with pytest.raises(ValueError, match=r"120×200 pixels, more than the 20,000 that are op"):
            im.open_image(tmp_path / "drawing.png")


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGBA", "RGBa", "La", "CMYK", "YCbCr", "HSV"]
)
def test_every_mode_of_8_bits_becomes_rgb(mode):
    start = {"RGBa": "RGBA", "La": "LA", "HSV": "RGB", "PA": "P"}.get(mode, mode)
    image = picture(6, 9).convert(start).convert(mode)
    assert im.to_rgb(image).mode == "RGB"
    assert im.to_rgb(image).size == (9, 6)


def png_of_16_bits(path, transparent):
    """A grey PNG of 16 bits; Pillow itself writes no transparent shade for it."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = np.linspace(0, 65535, 30).astype(">u2").reshape(5, 6)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", 6, 5, 16, 0, 0, 0, 0))]
    parts += [chunk(b"tRNS", struct.pack(">H", 9))] if transparent else []
    parts += [chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IEND", b"")]))
    return path


@pytest.mark.parametrize("transparent", [True, False])
@pytest.mark.parametrize("background", [None, (255, 255, 255), (0, 9, 90)])
def test_16_bits_are_refused_on_every_path(tmp_path, transparent, background):
    path = png_of_16_bits(tmp_path / "grey.png", transparent)
    with pytest.raises(ValueError, match="more than 8 bits a channel: scale it first"):
        im.open_image(path, background=background)


def test_an_animation_gives_its_first_picture(tmp_path):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert im.open_image(tmp_path / "moving.gif").getpixel((0, 0)) == (255, 0, 0)


def test_a_picture_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    picture(4, 5).save(tmp_path / "a.png")
    assert im.open_image("~/a.png").size == (5, 4)
