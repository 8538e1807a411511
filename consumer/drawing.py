"""A graph as a short text: what a dataset is made from, and the way from one dataset to another."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

MAX_STEPS = 4  # away from the start
MAX_LINES = 30  # of one drawing


class Node(NamedTuple):
    """A dataset, or one of its fields."""

    namespace: str
    name: str
    field: str | None = None


class Edge(NamedTuple):
    """One node is made from another, by a job if an event says which."""

    upstream: Node
    downstream: Node
    job: str | None
    is_current: bool = True


class Graph:
    """Edges to draw. A namespace is written out only where two datasets have one name."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        """Take the edges; several between two nodes are drawn as one."""
        self._upstream: dict[Node, dict[Node, None]] = {}  # dicts for sets that keep their order
        self._downstream: dict[Node, dict[Node, None]] = {}
        self._between: dict[tuple[Node, Node], list[Edge]] = {}
        for edge in edges:
            self._upstream.setdefault(edge.downstream, {})[edge.upstream] = None
            self._downstream.setdefault(edge.upstream, {})[edge.downstream] = None
            self._between.setdefault((edge.upstream, edge.downstream), []).append(edge)
        datasets = {node[:2] for node in (*self._upstream, *self._downstream)}
        self._shared_names = {name for name, count in Counter(name for _, name in datasets).items() if count > 1}

    def upstream_tree(self, start: Node) -> str:
        """Draw what *start* is made from."""
        if not self._upstream.get(start):
            return f"{self.label(start)} is made from nothing that an event names."
        return f"What {self.label(start)} is made from:\n\n{self._tree(start, self._upstream)}"

    def downstream_tree(self, start: Node) -> str:
        """Draw what is made from *start*."""
        if not self._downstream.get(start):
            return f"Nothing is made from {self.label(start)}."
        return f"What is made from {self.label(start)}:\n\n{self._tree(start, self._downstream)}"

    def fields(self, namespace: str, name: str) -> list[str | None]:
        """Return the fields of a dataset that have edges."""
        nodes = {*self._upstream, *self._downstream}
        return sorted((node.field for node in nodes if node[:2] == (namespace, name)), key=str)

    def path(self, upstream: Sequence[Node], downstream: Node) -> list[Node]:
        """Return the nodes of a shortest way from one of *upstream* to *downstream*; nothing if there is none."""
        wanted = set(upstream)
        came_from: dict[Node, Node | None] = {downstream: None}
        waiting = deque([downstream])
        while waiting:
            node = waiting.popleft()
            for behind in self._upstream.get(node, ()):
                if behind in wanted:
                    return [behind, *_walked(node, came_from)]
                if behind not in came_from:
                    came_from[behind] = node
                    waiting.append(behind)
        return []

    def draw_path(self, path: Sequence[Node]) -> str:
        """Draw a way downstream, a line for each node, with the job that made it."""
        lines = [self.label(path[0])]
        for depth, (upstream, downstream) in enumerate(pairwise(path)):
            edges = self._between[upstream, downstream]
            edge = next((edge for edge in edges if edge.is_current), edges[0])
            by = f"  (by {edge.job})" if edge.job else ""
            past = "" if edge.is_current else "  (not current any more)"
            lines.append(f"{'    ' * depth}└─▶ {self.label(downstream)}{by}{past}")
        return "\n".join(lines)

    def label(self, node: Node) -> str:
        """Return what a node is called in drawings."""
        name = node.name if node.field is None else f"{node.name}.{node.field}"
        return f"{name} ({node.namespace})" if node.name in self._shared_names else name

    def _tree(self, start: Node, next_to: Mapping[Node, Iterable[Node]]) -> str:
        lines: list[str] = []
        drawn: set[Node] = set()

        def draw(node: Node, before: str, branch: str, depth: int) -> None:
            following = sorted(next_to.get(node, ()), key=self.label)
            again = bool(following) and node in drawn
            more = bool(following) and not again and depth == MAX_STEPS
            lines.append(f"{before}{branch}{self.label(node)}{' (as above)' if again else ''}{' …' if more else ''}")
            if again or more:
                return
            drawn.add(node)
            if branch:
                before += "│   " if branch.startswith("├") else "    "
            for other in following:
                draw(other, before, "└── " if other is following[-1] else "├── ", depth + 1)

        draw(start, "", "", 0)
        if len(lines) > MAX_LINES:
            lines[MAX_LINES:] = [f"… and {len(lines) - MAX_LINES:,} lines more"]
        return "\n".join(lines)


def _walked(node: Node, came_from: Mapping[Node, Node | None]) -> list[Node]:
    found = []
    at: Node | None = node
    while at is not None:
        found.append(at)
        at = came_from[at]
    return found
