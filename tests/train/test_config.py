"""Configurations: mistakes are named with what was probably meant."""

import pytest

from mvlm.training.recipes.clip import CLIPRecipe
from mvlm.training.recipes.config import build, read_config
from mvlm.training.recipes.llava import LLaVARecipe
from mvlm.training.recipes.making import MAKERS


def test_every_shipped_config_fits_its_recipe():
    from mvlm.commands.train import CONFIGS

    for name, (recipe, _) in MAKERS.items():
        assert isinstance(build(recipe, read_config(CONFIGS / f"{name}.toml")), recipe)


def test_values_reach_nested_tables(tmp_path):
    path = tmp_path / "clip.toml"
    path.write_text("width = 64\n[train]\nsteps = 7\n[views]\nscale = [0.5, 1]\n")
    recipe = build(CLIPRecipe, read_config(path, ["train.seed=3", "heads=2"]))
    assert (recipe.width, recipe.heads) == (64, 2)
    assert (recipe.train.steps, recipe.train.seed) == (7, 3)
    assert recipe.views.scale == (0.5, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.learning_rat=1", "'train.learning_rat': did you mean 'train.learning_rate'"),
        ("widht=1", "unknown key 'widht': did you mean 'width'"),
        ("width=wide", "width is 'wide': it takes a value of type int"),
        ("width=true", "width is True: it takes a value of type int"),
        ("train=3", "train is 3: it is a table"),
        ("steps=3", "unknown key 'steps': did you mean 'train.steps'"),
        ("train.steps=[3]", r"train.steps is \[3\]: it takes a value of type int"),
        ("artists=noto", "artists is 'noto': it takes a list"),
        ("width", "sets nothing: write KEY=VALUE"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path, change, message):
    path = tmp_path / "clip.toml"
    path.write_text("")
    with pytest.raises(ValueError, match=message):
        build(CLIPRecipe, read_config(path, [change]))


def test_a_change_into_a_number_is_named(tmp_path):
    path = tmp_path / "clip.toml"
    path.write_text("[train]\nsteps = 7\n")
    with pytest.raises(ValueError, match="'train.steps.x=3' goes into steps, which is no table"):
        read_config(path, ["train.steps.x=3"])


def test_a_missing_and_a_broken_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no configuration at .*none\.toml"):
        read_config(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("width = = 3")
    with pytest.raises(ValueError, match=r"broken\.toml is not TOML"):
        read_config(broken)


def test_whole_numbers_are_taken_for_fractions():
    recipe = build(LLaVARecipe, {"train": {"learning_rate": 1}})
    assert recipe.train.learning_rate == 1.0
