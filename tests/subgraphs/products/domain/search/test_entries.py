from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.ids import new_id
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.search.entries import changed, count, count_named, id_of, key_of, unpack

ids = st.sampled_from([ProductId(new_id()) for _ in range(6)])
standings = st.sampled_from(["11", "42", "79"])


@given(st.dictionaries(ids, standings), st.dictionaries(ids, standings), st.sets(ids))
def test_packed_postings_change_as_a_dictionary_does(before, add, remove) -> None:
    packed = changed(b"", add=before, remove=())
    after = changed(packed, add=add, remove=remove)
    expected = {**{k: v for k, v in before.items() if k not in remove}, **add}
    assert {id_of(key): standing.decode() for standing, key in unpack(after)} == expected
    assert count(after) == len(expected)
    assert count_named(after) == sum(standing != "11" for standing in expected.values())
    assert changed(after, add=add, remove=set(remove) - add.keys()) == after


@given(st.uuids(), st.uuids())
def test_bytes_of_ids_have_their_order(one, other) -> None:
    assert (key_of(str(one)) < key_of(str(other))) is (str(one) < str(other))
    assert id_of(key_of(str(one))) == str(one)
