"""What the tabs have in common that look at a text."""

from typing import Any

import gradio as gr
import pytest

from interface.looking import escaped, index_of, quoted


def test_no_text_becomes_markup_or_a_template() -> None:
    page = escaped("<b>&${1}`\\</b>")
    assert not set("<>${}`\\") & set(page)


def test_a_quoted_piece_shows_where_its_lines_end() -> None:
    assert quoted("a\n<b>") == "“a ↵ &lt;b&gt;”"


@pytest.mark.parametrize("data", [None, {}, 5, [], "index", {"index": None}])
def test_an_event_may_lack_its_place(data: Any) -> None:
    assert index_of(gr.EventData(None, data)) is None
    assert index_of(gr.EventData(None, {"index": 3})) == 3
