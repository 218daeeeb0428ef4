"""What the tabs have in common that look at a text."""

from interface.looking import escaped, quoted


def test_no_text_becomes_markup_or_a_template() -> None:
    page = escaped("<b>&${1}`\\</b>")
    assert not set("<>${}`\\") & set(page)


def test_a_quoted_piece_shows_where_its_lines_end() -> None:
    assert quoted("a\n<b>") == "“a ↵ &lt;b&gt;”"
