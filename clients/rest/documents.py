"""The GraphQL documents in `operations/`: one operation a file, fragments shared between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from graphql import (
    DefinitionNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    print_ast,
)

FOLDER = Path(__file__).parent / "operations"


class DocumentError(Exception):
    """A file in `operations/` breaks the conventions; the message names it."""


@dataclass(frozen=True, slots=True)
class Document:
    """One operation with the fragments it needs, as it is sent."""

    name: str
    kind: OperationType
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex: what it may be called by alone."""
        return sha256(self.text.encode()).hexdigest()


def manifest(documents: Mapping[str, Document]) -> dict[str, object]:
    """All of them in the form of Apollo's persisted query manifests, which both routers and Rover take."""
    operations = [
        {"id": one.digest, "name": one.name, "type": one.kind.value, "body": one.text}
        for one in documents.values()
    ]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


def load(folder: Path = FOLDER) -> Mapping[str, Document]:
    """All operations of `folder` by name.

    Raises DocumentError where a file does not hold exactly one definition named as the file is, or spreads
    a fragment that has no file: a reader finds both by their names.
    """
    fragments = {path.stem: _fragment(path) for path in sorted(folder.glob("fragments/*.graphql"))}
    return {path.stem: _document(path, fragments) for path in sorted(folder.glob("*.graphql"))}


def _document(path: Path, fragments: Mapping[str, FragmentDefinitionNode]) -> Document:
    operation = _only_definition(path)
    if not isinstance(operation, OperationDefinitionNode):
        raise DocumentError(f"{path.name} must hold an operation")
    needed: dict[str, FragmentDefinitionNode] = {}
    open_ends: list[SelectionSetNode] = [operation.selection_set]
    while open_ends:
        for name in _spreads(open_ends.pop()):
            if name in needed:
                continue
            if name not in fragments:
                raise DocumentError(f"{path.name} spreads {name}; there is no fragments/{name}.graphql")
            needed[name] = fragments[name]
            open_ends.append(fragments[name].selection_set)
    definitions = (operation, *(needed[name] for name in sorted(needed)))
    return Document(path.stem, operation.operation, print_ast(DocumentNode(definitions=definitions)))


def _fragment(path: Path) -> FragmentDefinitionNode:
    definition = _only_definition(path)
    if not isinstance(definition, FragmentDefinitionNode):
        raise DocumentError(f"{path.name} must hold a fragment")
    return definition


def _only_definition(path: Path) -> DefinitionNode:
    definitions = parse(path.read_text(encoding="utf-8")).definitions
    name = getattr(definitions[0], "name", None)
    if len(definitions) != 1 or name is None or name.value != path.stem:
        raise DocumentError(f"{path.name} must hold one definition, named {path.stem}")
    return definitions[0]


def _spreads(selections: SelectionSetNode) -> Iterator[str]:
    for selection in selections.selections:
        if isinstance(selection, FragmentSpreadNode):
            yield selection.name.value
        elif nested := getattr(selection, "selection_set", None):
            yield from _spreads(nested)
