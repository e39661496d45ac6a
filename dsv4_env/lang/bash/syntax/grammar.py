"""The grammar of tree-sitter-bash, for rules that ask how something is spelled."""

from __future__ import annotations

from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tree_sitter as ts


@cache
def parser() -> ts.Parser:
    """The parser of this process."""
    import tree_sitter  # heavy: only what reads a script needs it

    return tree_sitter.Parser(tree_sitter.Language(_binding().language()))


def _binding() -> Any:
    """What is compiled of tree_sitter_bash: the rest of it imports what unpacks archives."""
    package = PathFinder.find_spec("tree_sitter_bash")
    places = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("tree_sitter_bash._binding", places) if places else None
    if spec is None or spec.loader is None:  # not installed as files
        import tree_sitter_bash  # heavy, too

        return tree_sitter_bash
    binding = module_from_spec(spec)
    spec.loader.exec_module(binding)
    return binding
