"""From variables, files of secrets and the file of the stage to Settings, or to every reason why not."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource

from configs._errors import ConfigurationInvalid, Problem
from configs._settings import Settings, Stage

PREFIX = str(Settings.model_config["env_prefix"])
ENV_FILES = Path(__file__).parent / "env"
_STAGES = get_args(Stage)


def load(environ: Mapping[str, str] | None = None, *, stage: Stage | None = None) -> Settings:
    """Return the settings that an environment describes; a variable beats the file of the stage.

    An empty variable counts as not set. INVENTORY_X_FILE names a file that holds the value of
    INVENTORY_X. DATABASE_URL is read when INVENTORY_DATABASE_URL is not there.

    Args:
        environ: The variables; those of this process when left out.
        stage: The stage of the caller. When left out: INVENTORY_STAGE, or the last word of
            DJANGO_SETTINGS_MODULE, as in config.settings.prod.

    Raises:
        ConfigurationInvalid: Naming every variable that is missing, malformed or unknown.
    """
    environ = os.environ if environ is None else environ
    variables = _present(environ)
    problems: list[Problem] = []
    started = stage or environ.get("DJANGO_SETTINGS_MODULE", "").rpartition(".")[2]
    if started in _STAGES and variables.setdefault(f"{PREFIX}STAGE", started) != started:
        problems.append(
            Problem(
                variable=f"{PREFIX}STAGE",
                problem=f"contradicts the settings module of the stage {started}",
                hint="Leave it out, or start the other stage's settings module.",
            )
        )
    given = _read(variables, problems)
    defaults = _read(_stage_file(given.get("stage")), problems)
    try:
        settings = Settings.model_validate({**defaults, **given})
    except ValidationError as invalid:
        raise ConfigurationInvalid([*problems, *_explain(invalid, problems)]) from None
    if problems:
        raise ConfigurationInvalid(problems)
    return settings


def _present(environ: Mapping[str, str]) -> dict[str, str]:
    ours = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value.strip()}
    url = environ.get("DATABASE_URL", "").strip()
    if url and f"{PREFIX}DATABASE_URL_FILE" not in ours:
        ours.setdefault(f"{PREFIX}DATABASE_URL", url)
    return ours


def _stage_file(stage: str | None) -> dict[str, str]:
    if stage not in _STAGES:
        return {}
    source = DotEnvSettingsSource(Settings, env_file=ENV_FILES / f"{stage}.env", case_sensitive=True)
    return _present({name: value or "" for name, value in source.env_vars.items()})


def _read(variables: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """Return the values by field, and add to `problems` what could not be read."""
    names = {f"{PREFIX}{field.upper()}": field for field in Settings.model_fields}
    values: dict[str, str] = {}
    for variable, value in variables.items():
        base = variable.removesuffix("_FILE")
        if variable in names:
            values[names[variable]] = value
        elif base not in names:
            problems.append(_unknown(variable, names))
        elif base in variables:
            hint = f"Keep one of {base} and {variable}."
            problems.append(Problem(variable=base, problem="is given twice", hint=hint))
        else:
            try:
                values[names[base]] = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                problem = f"names a file that cannot be read ({type(error).__name__})"
                # Without the name: it may be the secret itself, given to the wrong variable.
                hint = f"Let it name a readable text file with the value of {base}."
                problems.append(Problem(variable=variable, problem=problem, hint=hint))
    return values


def _unknown(variable: str, names: Mapping[str, str]) -> Problem:
    nearest = get_close_matches(variable, [*names, *(f"{name}_FILE" for name in names)], n=1)
    hint = f"Did you mean {nearest[0]}?" if nearest else "Remove it: no setting has a name like it."
    return Problem(variable=variable, problem="is not a setting", hint=hint)


def _explain(invalid: ValidationError, known: list[Problem]) -> Iterator[Problem]:
    """Name each field by its variable, once, unless its file was already found unreadable."""
    named = {problem.variable.removesuffix("_FILE") for problem in known}
    for error in invalid.errors(include_url=False, include_input=False):
        field = str(error["loc"][0])
        variable = f"{PREFIX}{field.upper()}"
        if variable in named:
            continue
        named.add(variable)
        message = error["msg"].removeprefix("Value error, ")
        problem = "is not set" if error["type"] == "missing" else message[0].lower() + message[1:]
        yield Problem(variable=variable, problem=problem, hint=Settings.model_fields[field].description or "")
