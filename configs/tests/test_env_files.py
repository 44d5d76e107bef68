"""The files of the stages: complete, true, and without a secret."""

import re
from importlib.resources import files

import pytest

from configs import Settings, Stage, load

LINE = re.compile(r"^(# )?(INVENTORY_[A-Z_]+)=(.*)$", re.MULTILINE)


def lines_of(stage: str) -> list[tuple[str, str, str]]:
    """Return (comment sign, variable, value) of each line."""
    return LINE.findall((files("configs") / "env" / f"{stage}.env").read_text())


@pytest.mark.parametrize("stage", ["dev", "test", "prod"])
def test_names_every_setting_once(stage: str) -> None:
    named = [variable.removesuffix("_FILE") for _, variable, _ in lines_of(stage)]

    assert sorted(named) == sorted(f"INVENTORY_{field.upper()}" for field in Settings.model_fields)


@pytest.mark.parametrize("stage", ["dev", "test"])
def test_the_defaults_in_comments_are_true(stage: Stage) -> None:
    shown = {variable: value for sign, variable, value in lines_of(stage) if sign}

    assert load(shown, stage=stage) == load({}, stage=stage)


def test_the_file_of_production_sets_nothing() -> None:
    assert [variable for sign, variable, _ in lines_of("prod") if not sign] == []
