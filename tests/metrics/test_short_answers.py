import pytest

from abcscribe.metrics.short_answers import best_constant, rightness


@pytest.mark.parametrize(
    ("kind", "reference", "prediction", "right"),
    [
        ("tempo", "100 BPM", "108 BPM", 1), ("tempo", "100 BPM", "about 93.", 1), ("tempo", "100 BPM", "109 BPM", 0),
        ("tempo", "100 BPM", "50 BPM", 0), ("tempo", "100 BPM", "fast", 0),
        ("key", "Bb minor", " bb minor.", 1), ("key", "Bb minor", "Bb major", 0),
        ("instruments", "Violin, Flute", "flute, violin", 1), ("instruments", "Violin, Flute", "Flute", 2 / 3),
        ("instruments", "Violin", "Violin, Viola, Cello", 1 / 2), ("instruments", "Violin", "", 0),
    ],
)  # fmt: skip
def test_how_right_an_answer_is(kind, reference, prediction, right):
    assert rightness(kind, reference, prediction) == pytest.approx(right)


def test_the_best_answer_without_listening():
    assert best_constant("metre", ["4/4", "3/4", "4/4"]) == "4/4"
    # Nothing is said twice, and one answer is near three others
    assert best_constant("tempo", ["60 BPM", "100 BPM", "104 BPM", "96 BPM", "180 BPM"]) == "100 BPM"
    assert best_constant("instruments", ["Violin", "Flute, Violin", "Violin, Viola", "Tuba"]) == "Violin"
