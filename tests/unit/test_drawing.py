"""Graphs as short texts."""

from headwater.drawing import MAX_LINES, Edge, Graph, Node


def edges(*pairs: str, job: str | None = None) -> list[Edge]:
    """Return edges of tables, written as "upstream downstream"."""
    return [Edge(Node("db", pair.split()[0]), Node("db", pair.split()[1]), job) for pair in pairs]


def test_a_tree_draws_each_dataset_below_what_is_made_from_it() -> None:
    graph = Graph(edges("raw clean", "other clean", "clean mart", "dates mart"))

    assert graph.upstream_tree(Node("db", "mart")) == (
        "What mart is made from:\n\nmart\n├── clean\n│   ├── other\n│   └── raw\n└── dates"
    )
    assert graph.downstream_tree(Node("db", "raw")) == "What is made from raw:\n\nraw\n└── clean\n    └── mart"


def test_what_has_no_edges_is_a_sentence() -> None:
    graph = Graph(edges("raw clean"))

    assert graph.upstream_tree(Node("db", "raw")) == "raw is made from nothing that an event names."
    assert graph.downstream_tree(Node("db", "clean")) == "Nothing is made from clean."


def test_a_cycle_is_drawn_once() -> None:
    graph = Graph(edges("a b", "b a"))

    assert graph.upstream_tree(Node("db", "a")) == "What a is made from:\n\na\n└── b\n    └── a (as above)"


def test_what_stands_there_already_is_not_drawn_again() -> None:
    graph = Graph(edges("raw clean", "clean left", "clean right", "left mart", "right mart"))

    assert graph.upstream_tree(Node("db", "mart")).splitlines()[2:] == [
        "mart",
        "├── left",
        "│   └── clean",
        "│       └── raw",
        "└── right",
        "    └── clean (as above)",
    ]


def test_a_tree_ends_four_steps_away() -> None:
    graph = Graph(edges("a b", "b c", "c d", "d e", "e f"))

    assert graph.upstream_tree(Node("db", "f")).splitlines()[-1] == "            └── b …"


def test_a_wide_tree_says_how_much_is_left_out() -> None:
    graph = Graph(edges(*(f"raw_{number:03} mart" for number in range(100))))

    drawn = graph.upstream_tree(Node("db", "mart")).splitlines()[2:]

    assert len(drawn) == MAX_LINES + 1
    assert drawn[-1] == "… and 71 lines more"


def test_a_namespace_is_written_where_two_datasets_have_one_name() -> None:
    graph = Graph([Edge(Node("old", "orders"), Node("new", "orders"), None), *edges("orders report")])

    assert graph.label(Node("new", "orders")) == "orders (new)"
    assert graph.label(Node("db", "report")) == "report"


def test_a_path_is_a_shortest_one_and_names_the_jobs() -> None:
    graph = Graph(edges("raw clean", "clean mart", "raw a", "a b", "b mart", job="nightly"))

    path = graph.path([Node("db", "raw")], Node("db", "mart"))

    assert graph.draw_path(path) == "raw\n└─▶ clean  (by nightly)\n    └─▶ mart  (by nightly)"


def test_there_is_no_path_against_the_edges() -> None:
    assert Graph(edges("raw clean", "clean mart")).path([Node("db", "mart")], Node("db", "raw")) == []


def test_a_path_ends_in_a_cycle_that_does_not_lead_there() -> None:
    assert Graph(edges("a b", "b a")).path([Node("db", "elsewhere")], Node("db", "a")) == []


def test_an_edge_of_the_past_is_marked() -> None:
    graph = Graph([Edge(Node("db", "raw"), Node("db", "clean"), "load", is_current=False)])

    assert graph.draw_path([Node("db", "raw"), Node("db", "clean")]) == (
        "raw\n└─▶ clean  (by load)  (not current any more)"
    )
