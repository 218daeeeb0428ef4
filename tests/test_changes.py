"""The changes that cleaning made to a text: their sentences and their totals."""

from training.changes import Change, Changes, counted, note, total


def test_a_change_states_each_of_its_counts_in_singular_or_plural() -> None:
    assert (
        str(Change("{line end} joined into {paragraph}", (3120, 1545)))
        == "3,120 line ends joined into 1,545 paragraphs"
    )
    assert str(Change("title page left out: {character}", (1,))) == "title page left out: 1 character"
    assert counted(2, "dash") == "2 dashes"


def test_a_change_that_did_not_occur_is_not_noted() -> None:
    changes: Changes = []
    note(changes, "{line end} joined into {paragraph}", 0, 5)
    note(changes, "{dash} set as in print", 2)
    assert changes == [Change("{dash} set as in print", (2,))]


def test_changes_of_many_files_add_up_by_kind() -> None:
    dash, joins = "{dash} set as in print", "{line end} joined into {paragraph}"
    changes = [Change(joins, (3, 1)), Change(dash, (5,)), Change(joins, (7, 2))]
    assert total(changes) == [Change(joins, (10, 3)), Change(dash, (5,))]
