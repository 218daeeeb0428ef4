"""Statistics of samples: hand-counted examples."""

from training.statistics import loops, measure

SOURCE = "the cat sat on the mat and the dog sat on the log by the wall, and nobody said a word about any of it."


def test_known_words_are_those_of_the_training_text_whatever_their_case() -> None:
    assert measure(["The CAT sat", "on the zebra"], SOURCE).known_words == 5 / 6


def test_a_word_with_an_apostrophe_is_one_word() -> None:
    assert measure(["don’t can't"], "don’t do it").known_words == 1 / 2


def test_four_word_phrases_are_counted_within_each_text() -> None:
    # The first text has 6 phrases, 4 of them distinct: "a b c d" and "b c d a" occur twice. The second text has 1.
    assert measure(["a b c d a b c d a", "a b c d"], SOURCE).distinct_4grams == (4 + 1) / (6 + 1)


def test_a_text_loops_if_it_ends_with_one_phrase_three_times() -> None:
    assert loops("once upon a time " + "there was " * 3)
    assert not loops("once upon a time " + "there was " * 2)
    assert not loops("there was there was there was an end")
    assert measure(["and so on, " * 4, "and so on", "no", "yes"], SOURCE).looping == 1 / 4


def test_spaces_and_dots_in_a_row_are_no_loop_until_they_are_many() -> None:
    assert not loops("and then ...")
    assert loops("and then" + " " * 15)


def test_the_longest_copy_is_counted_to_the_character_and_short_ones_do_not_count() -> None:
    assert measure([f"XX{SOURCE[4:40]}YY{SOURCE[50:85]}"], SOURCE).longest_copy == 36
    assert measure(["XX" + SOURCE[:29]], SOURCE).longest_copy == 0
    assert measure([SOURCE], SOURCE).longest_copy == len(SOURCE)


def test_copies_are_found_anywhere_in_a_long_text() -> None:
    source = "".join(map(str, range(300_000)))  # 1.7 million characters: more than the windows that a checkpoint keeps
    text = "".join(map(str, range(200_001, 200_011)))
    assert measure([f"#{text}#"], source).longest_copy >= 60


def test_only_runs_of_fifty_count_as_copied() -> None:
    fifty, forty_nine = SOURCE[:50], SOURCE[50:99]
    figures = measure([f"#{fifty}#", f"#{forty_nine}#"], SOURCE)
    assert figures.longest_copy == 50
    assert figures.copied == 50 / (52 + 51)


def test_where_two_copied_runs_overlap_each_character_counts_once() -> None:
    first, second = "a" + SOURCE[:70], SOURCE[40:100] + "b"
    text = SOURCE[:100]
    assert measure([text], f"{first}#{second}").copied == 1


def test_no_text_and_no_words_give_zeros() -> None:
    figures = measure(["", "123"], SOURCE)
    assert (figures.known_words, figures.distinct_4grams, figures.looping) == (0, 0, 0)
