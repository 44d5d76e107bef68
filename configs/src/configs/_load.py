"""From variables, files of secrets and the file of the stage to Settings, or to every reason why not."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource

from configs import _rules as rules
from configs._errors import ConfigurationInvalid, Problem
from configs._settings import Settings, Stage
from configs._sources import Environment, MountedFiles, SecretSource, SourceUnreadable, Vault

PREFIX = str(Settings.model_config["env_prefix"])
ENV_FILES = Path(__file__).parent / "env"
_STAGES = get_args(Stage)


def load(environ: Mapping[str, str] | None = None, *, stage: Stage | None = None) -> Settings:
    """Return the settings that an environment describes; a variable beats the file of the stage.

    An empty variable counts as not set. INVENTORY_X_FILE names a file that holds the value of
    INVENTORY_X. Where INVENTORY_VAULT_ADDRESS is set, what the environment does not say is looked
    up there. DATABASE_URL is read when INVENTORY_DATABASE_URL is not there.

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
    kept = _kept({**defaults, **given}, problems)
    try:
        settings = Settings.model_validate({**defaults, **kept, **given})
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
    for variable in variables:
        base = variable if variable in names else variable.removesuffix("_FILE")
        source: SecretSource = Environment(variables) if variable in names else MountedFiles(variables)
        if base not in names:
            problems.append(_unknown(variable, names))
        elif variable != base and base in variables:
            hint = f"Keep one of {base} and {variable}."
            problems.append(Problem(variable=base, problem="is given twice", hint=hint))
        else:
            try:
                values[names[base]] = source.read(base) or ""
            except SourceUnreadable as error:
                problems.append(Problem(variable=variable, problem=str(error), hint=error.hint))
    return values


def _kept(values: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """Return what the store of secrets has, by field; nothing where no store is named."""
    if not values.get("vault_address"):
        return {}
    try:
        return _from_vault(values)
    except SourceUnreadable as error:
        problems.append(Problem(variable=f"{PREFIX}VAULT_ADDRESS", problem=str(error), hint=error.hint))
        return {}


def _from_vault(values: Mapping[str, str]) -> dict[str, str]:
    address, fields = values["vault_address"], Settings.model_fields
    if problem := rules.vault_problem(address, values.get("stage", "")):
        raise SourceUnreadable(problem, str(fields["vault_address"].description))
    vault = Vault(
        address=address,
        path=values.get("vault_path", str(fields["vault_path"].default)),
        role_id=values.get("vault_role_id", ""),
        secret_id=values.get("vault_secret_id", ""),
        prefix=PREFIX,
    )
    unknown = sorted(name for name in vault.entry if name not in fields or name.startswith("vault_"))
    if unknown:
        hint = "Name its keys as the settings are, in lower case and without INVENTORY_."
        raise SourceUnreadable(f"leads to an entry with keys that are no settings: {', '.join(unknown)}", hint)
    return {name: value for name in vault.entry if (value := vault.read(f"{PREFIX}{name.upper()}"))}


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
