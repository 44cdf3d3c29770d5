"""JSON keeps everything."""

import json

import pytest
from example_scores import piano, quartet, recorded, scores
from hypothesis import given, settings

from abcscribe.errors import ScoreError
from abcscribe.score import Bar, Score
from abcscribe.score.json_format import from_json, to_json


@pytest.mark.parametrize("score", [piano(), quartet(), recorded(), Score(), Score((Bar(3, metre=None),))])
def test_a_score_comes_back_whole(score: Score) -> None:
    assert from_json(to_json(score)) == score


@settings(max_examples=40, deadline=None)
@given(scores())
def test_any_score_comes_back_whole(score: Score) -> None:
    assert from_json(to_json(score)) == score


def test_the_text_is_for_people_too() -> None:
    data = json.loads(to_json(recorded()))
    assert (data["format"], data["version"]) == ("abcscribe-score", 1)
    assert data["parts"][0]["bars"][0][0] == {"start": "0", "duration": "4", "pitch": "E4"}
    assert data["bars"][0]["seconds"] == 0.25


def changed(**fields: object) -> str:
    return json.dumps(json.loads(to_json(quartet())) | fields)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a whole"),
        ("{", "not a whole"),
        ("[]", "does not hold"),
        ('{"format": "other"}', "does not hold"),
        (changed(version=2), "version 2"),
        (changed(parts=7), "not a whole"),
        (changed(parts=[{"bars": [[{"start": "0", "duration": "1/0", "pitch": "C4"}]]}]), "not a whole"),
        (changed(parts=[{"bars": [[{"start": "0", "duration": "1", "pitch": "H4"}]]}]), "not a whole"),
        (changed(parts=[{"bars": [[{"start": "0", "duration": "9", "pitch": "C4"}], []]}]), "does not add up"),
        (changed(surprise=1), "not a whole"),
        (to_json(quartet())[:200], "not a whole"),
        ("[" * 100_000, "not a whole"),
    ],
)
def test_anything_else_is_one_sentence(text: str, says: str) -> None:
    with pytest.raises(ScoreError, match=says):
        from_json(text)
