"""The edge's configuration from its template."""

import re
from pathlib import Path

from deploy.local.errors import LaunchError

_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_COMMENT = re.compile(r"^\s*#")


class TemplateError(LaunchError):
    """The template and the values given do not match."""


def render(template_path: Path, out_path: Path, **values: object) -> Path:
    """Write the template with each `${NAME}` replaced; returns `out_path`.

    Strict both ways: a placeholder without a value and a value without a placeholder raise TemplateError, as
    either is a misspelt name. Comment lines are copied as they are, so the template may list its placeholders.
    """
    lines = template_path.read_text().splitlines(keepends=True)
    used = {name for line in lines if not _COMMENT.match(line) for name in _PLACEHOLDER.findall(line)}
    if missing := used - values.keys():
        raise TemplateError(f"{template_path}: no value for {_listed(missing)}")
    if unknown := values.keys() - used:
        raise TemplateError(f"{template_path} has no placeholder {_listed(unknown)}; it has {_listed(used)}")
    rendered = (
        line if _COMMENT.match(line) else _PLACEHOLDER.sub(lambda found: str(values[found[1]]), line)
        for line in lines
    )
    out_path.parent.mkdir(parents=True, exist_ok=True)
    out_path.write_text("".join(rendered))
    return out_path


def placeholders(template_path: Path) -> set[str]:
    """The names that `render` needs values for."""
    lines = template_path.read_text().splitlines()
    return {name for line in lines if not _COMMENT.match(line) for name in _PLACEHOLDER.findall(line)}


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
