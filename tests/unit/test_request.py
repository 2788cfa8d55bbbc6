import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.decode.request import MAX_DEPTH, Request, parse_request
from nmt.decode.source_fields import ONE_FIELD, SourceFields
from nmt.errors import DataError

DEEP = "has more than 100 lists and objects within each other."


def test_what_is_asked_is_read_and_the_rest_passed_through_in_order():
    line = """{"z": {"b": [1, 2.5, null, true]}, "prefix": "Un", "text": " A dog.\\n", "include": ["chien", "œil"],
        "exclude": [], "n_best": 3, "id": 12345678901234567890, "a": "\\ud83d\\ude42"}"""
    request = parse_request(line, "in:1")
    assert request == Request(
        " A dog.\n",
        "Un",
        ("chien", "œil"),
        (),
        3,
        {"z": {"b": [1, 2.5, None, True]}, "id": 12345678901234567890, "a": "🙂"},
    )
    assert list(request.fields) == ["z", "id", "a"]


def test_the_source_may_be_called_source_and_null_asks_for_nothing():
    line = '{"source": "", "prefix": null, "include": null, "exclude": null, "n_best": null}'
    assert parse_request(line, "in:1", {"translation"}) == Request("")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "is blank, and a line of the output has to answer it."),
        (" \t", "is blank, and a line of the output has to answer it."),
        ("A dog.", "is not valid JSON: Expecting value (character 1 of the line)."),
        ('{"text": "a"', "is not valid JSON: Expecting ',' delimiter (character 13 of the line)."),
        ('{"text": "a"} {}', "is not valid JSON: Extra data (character 15 of the line)."),
        ('["a"]', "is a list, not an object."),
        ('"a"', "is a string, not an object."),
        ("12", "is 12, not an object."),
        ("{}", "has no field `text` or `source`."),
        ('{"text": "a", "source": "a"}', "has both `text` and `source`; one of them is the source."),
        ('{"text": null}', "has null as `text`, not a string."),
        ('{"source": ["a"]}', "has a list as `source`, not a string."),
        ('{"text": "a", "prefix": 1}', "has 1 as `prefix`, not a string."),
        ('{"text": "a", "include": "b"}', "has a string as `include`, not a list of strings that are not blank."),
        ('{"text": "a", "exclude": ["b", 1]}', "has a list as `exclude`, not a list of strings that are not blank."),
        ('{"text": "a", "exclude": [" "]}', "has a list as `exclude`, not a list of strings that are not blank."),
        ('{"text": "a", "n_best": 0}', "has 0 as `n_best`, not a whole number from 1 to 100."),
        ('{"text": "a", "n_best": 101}', "has 101 as `n_best`, not a whole number from 1 to 100."),
        ('{"text": "a", "n_best": 2.0}', "has 2.0 as `n_best`, not a whole number from 1 to 100."),
        ('{"text": "a", "n_best": true}', "has true as `n_best`, not a whole number from 1 to 100."),
        ('{"text": "a", "text": "b"}', 'has the field "text" twice.'),
        ('{"text": "a", "x": [{"é": 1, "\\u00e9": 2}]}', 'has the field "\\u00e9" twice.'),
        ('{"text": "a", "x": NaN}', "has NaN, which is no number of JSON."),
        ('{"text": "a", "x": [-Infinity]}', "has -Infinity, which is no number of JSON."),
        ('{"text": "a", "x": 1e999}', "has a number that is too large: 1e999."),
        ('{"text": "a", "x": ' + "1" * 5000 + "}", "has a number of 5,000 digits."),
        ('{"text": "\\ud800"}', "has half of a surrogate pair, \\ud800, which is no character."),
        ('{"text": "a", "\\uDC00": 1}', "has half of a surrogate pair, \\udc00, which is no character."),
        ('{"text": "a", "x": ' + "[" * 100_000, DEEP),
        ('{"text": "a", "x": ' + '{"":' * 100 + "1" + "}" * 101, DEEP),
        (
            '{"text": "a", "translation": "b"}',
            "has a field `translation`, which the output has too; give it another name.",
        ),
    ],
)  # fmt: skip
def test_what_is_no_request_is_named(line, message):
    with pytest.raises(DataError) as error:
        parse_request(line, "in.jsonl:7", ("source", "translation"))
    assert error.value.message == f"in.jsonl:7 {message}"
    assert '{"text": "A dog."}' in error.value.hint


def test_all_faults_of_a_line_are_reported_at_once():
    with pytest.raises(DataError) as error:
        parse_request('{"n_best": "3", "include": {}}', "in:2")
    assert error.value.message.splitlines() == [
        "3 faults:",
        "  - in:2 has no field `text` or `source`.",
        "  - in:2 has an object as `include`, not a list of strings that are not blank.",
        "  - in:2 has a string as `n_best`, not a whole number from 1 to 100.",
    ]


def test_fields_may_be_nested_as_deep_as_is_said():
    line = '{"text": "a", "x": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}"
    assert json.dumps(parse_request(line, "in:1").fields["x"]) == "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON), st.booleans())
def test_any_json_passes_through_untouched(fields, escaped):
    for name in ("text", "source", "prefix", "include", "exclude", "n_best", "to", "from"):
        fields.pop(name, None)
    request = parse_request(json.dumps({**fields, "text": "a"}, ensure_ascii=escaped), "in:1")
    assert json.dumps(request.fields) == json.dumps(fields)


@given(st.text() | JSON.map(json.dumps) | JSON.map(lambda value: json.dumps({"text": value, "n_best": value})))
def test_a_line_is_a_request_or_an_error_that_names_it(line):
    try:
        assert isinstance(parse_request(line, "in:1").text, str)
    except DataError as error:
        assert "in:1 " in error.message


def test_numbers_keep_their_value():
    fields = parse_request('{"text": "a", "x": -0.0, "y": 1E5, "z": 0.1}', "in:1").fields
    assert math.copysign(1, fields["x"]) == -1
    assert (fields["y"], fields["z"]) == (1e5, 0.1)


# --- sources of several fields ---------------------------------------------------------------------------------------

QUESTION = SourceFields(("question", "context"))
TURNS = SourceFields(("history", "user"), turns=True)


@pytest.mark.parametrize(
    ("fields", "line", "text"),
    [
        (QUESTION, {"question": "Who?", "context": "He."}, "Who?\tHe."),
        (QUESTION, {"question": "Who\tis\nit?", "context": None}, "Who is\nit?\t"),
        (QUESTION, {"text": "Who?\tHe <sep>."}, "Who?\tHe <sep>."),
        (TURNS, {"history": ["Hi.", "", "Hello!"], "user": "A table."}, "Hi.\tHello!\tA table."),
        (TURNS, {"user": "Hi."}, "Hi."),
        (TURNS, {"text": "Hi.\tHello!\t"}, "Hi.\tHello!"),
        (ONE_FIELD, {"text": "a\tb", "question": 3}, "a\tb"),
    ],
)
def test_fields_become_a_line(fields, line, text):
    assert parse_request(json.dumps(line), "in:1", (), fields).text == text


@pytest.mark.parametrize(
    ("fields", "line", "message"),
    [
        (QUESTION, {"question": "Who?"}, "in:1 has no field `context`; the run reads question, context."),
        (QUESTION, {"question": 3, "context": "a"}, "in:1 has something else than a string as `question`."),
        (QUESTION, {"question": ["a"], "context": "a"}, "in:1 has something else than a string as `question`."),
        (QUESTION, {"x": "a"}, "in:1 has no field `question` or `context`."),
        (QUESTION, {"text": "Who?"},
         "in:1 has one field, but the run reads 2, with a TAB between them: question, context."),
        (QUESTION, {"text": "a\tb\tc"},
         "in:1 has 3 fields, but the run reads 2, with a TAB between them: question, context."),
        (TURNS, {"history": [3], "user": "Hi."},
         "in:1 has something else than a string or a list of strings as `history`."),
        (SourceFields((0, 2)), {"text": "a"},
         "in:1 has one field, but the run reads 2, with a TAB between them: column 0, column 2."),
    ],
)  # fmt: skip
def test_fields_that_do_not_fit(fields, line, message):
    with pytest.raises(DataError) as caught:
        parse_request(json.dumps(line), "in:1", (), fields)
    assert caught.value.message == message


def test_a_blank_line_stays_blank_whatever_is_read():
    assert QUESTION.check("", "in:1") == "" and QUESTION.check(" ", "in:1") == " "
