"""Texts by name, and which of them somebody has looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Looked:
    """`texts`: what each name had, None for nothing; `names`: all names, where somebody went through them."""

    texts: Mapping[str, str | None]
    names: frozenset[str] | None

    def same_in(self, texts: Mapping[str, str]) -> bool:
        """Whether looking again would find the same."""
        if self.names is not None and self.names != texts.keys():
            return False
        return all(texts.get(name) == text for name, text in self.texts.items())


class Watched(Mapping[str, str]):
    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._seen: dict[str, str | None] = {}
        self._names: frozenset[str] | None = None

    def __getitem__(self, name: str) -> str:
        self._seen[name] = self._texts.get(name)
        return self._texts[name]

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            self._seen[name] = self._texts.get(name)
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        self._names = frozenset(self._texts)
        return iter(self._texts)

    def __len__(self) -> int:
        self._names = frozenset(self._texts)
        return len(self._texts)

    def looked(self) -> Looked:
        return Looked(dict(self._seen), self._names)

    def add(self, other: Looked) -> None:
        """Somebody else has looked these up in the same texts."""
        self._seen.update(other.texts)
        self._names = other.names if other.names is not None else self._names
