"""A pytest plugin: one module is imported with a mutant, whose text the environment holds."""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

_FILE, _, _TEXT = os.environ["GREENLIGHT_MUTANT"].partition("\n")


class _Changed(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        return compile(_TEXT, _FILE, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or Path(spec.origin) != Path(_FILE):
            return None
        return importlib.util.spec_from_file_location(fullname, _FILE, loader=_Changed(fullname, _FILE))


sys.meta_path.insert(0, _Finder())
