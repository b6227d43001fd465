"""A shape says of a mapping what its model says, or leaves it to the model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scanready.inventory import schema, shapes
from scanready.inventory.shapes import Shape

ALL = {one.model: one for one in vars(shapes).values() if isinstance(one, Shape)}
#: The head is read key by key.
READ = sorted(ALL.keys() - {"Head"})
_NUMBERS = [0, 1, 22, 65_535, 65_536, -1, True, False, 0.5, 1e9, 86_400, 86_401, float("nan"), float("inf")]
_SCALARS = st.sampled_from([None, "", "a", "any", "login", "ü", "\ud800", "a\nb", "24h", *_NUMBERS])
_VALUES: st.SearchStrategy[Any] = st.one_of(_SCALARS, st.lists(_SCALARS, max_size=2), st.just({}), st.just({"a": "b"}))


@pytest.mark.parametrize("name", READ)
def test_a_shape_has_the_keys_of_its_model(name: str) -> None:
    fields = getattr(schema, name).model_fields
    assert list(ALL[name].keys) == list(fields)
    assert list(ALL[name].required) == [key for key, field in fields.items() if field.is_required()]


@pytest.mark.parametrize("name", READ)
@given(data=st.data())
@settings(max_examples=200)
def test_what_a_shape_accepts_is_what_its_model_reads(name: str, data: st.DataObject) -> None:
    shape = ALL[name]
    keys = st.sampled_from([*shape.keys, "other"])
    mapping: dict[str, Any] = data.draw(st.dictionaries(keys, _VALUES, max_size=4))
    mapping |= {key: data.draw(_VALUES) for key in shape.required if key not in mapping}
    found = shape.content(mapping)
    if found is None:
        return
    try:
        read = getattr(schema, name).model_validate(mapping)
    except ValidationError as error:
        pytest.fail(f"the model refuses what the shape accepts: {error}")
    assert vars(found) == dict(read)
    assert all(type(value) is type(getattr(read, key)) for key, value in vars(found).items())


@pytest.mark.parametrize("mapping", [{"host": "a", "type": "ssh"}, {"hosts": ["a", "b"], "types": ["ssh"], "port": 22}])
def test_a_usual_target_needs_no_model(mapping: dict[str, Any]) -> None:
    assert shapes.TARGET.content(mapping) is not None
