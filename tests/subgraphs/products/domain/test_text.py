import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.text import (
    clean,
    clean_sku,
    clean_slug,
    clean_tags,
    fold,
    generate_sku,
    sku_key,
    slugify,
)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Pots & Pans", "pots-pans"),
        ("  Crêpe   Pans  ", "crepe-pans"),
        ("3 / 3 m", "3-3-m"),
        ("под_зонтом", "под-зонтом"),
        ("&&&", ""),
    ],
)
def test_slug_of_a_name(name: str, slug: str) -> None:
    assert slugify(name) == slug


@given(st.text(max_size=80))
def test_a_slug_is_its_own_slug(text: str) -> None:
    slug = slugify(text)
    assert slugify(slug) == slug
    assert not slug.startswith("-")
    assert not slug.endswith("-")
    assert "--" not in slug


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=80))
def test_a_generated_sku_passes_the_rule_for_skus(name: str) -> None:
    sku = generate_sku(name)
    assert clean_sku(sku) == sku


def test_a_generated_sku_begins_with_the_name() -> None:
    assert re.fullmatch(r"WIR-HEA-[0-9B-Z]{5}", generate_sku("Wireless Headphones, black"))


@pytest.mark.parametrize("sku", ["", " ", "-A", "A-", "A B", "A\n", "ü", "x" * 65, "A;B"])
def test_malformed_sku_is_refused(sku: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        clean_sku(sku if sku != "A\n" else "A\nB")
    assert refusal.value.field == "sku"


def test_slug_is_refused_with_the_slug_that_it_could_be() -> None:
    with pytest.raises(ValidationFailed, match="'pots-pans' is one"):
        clean_slug("Pots & Pans")


def test_tags_are_lower_case_hyphenated_and_unique() -> None:
    assert clean_tags(["USB-C", " cast  iron ", "usb-c"]) == ("usb-c", "cast-iron")


@given(st.lists(st.text(min_size=1, max_size=20), max_size=5))
def test_normalised_tags_stay_as_they_are(values: list[str]) -> None:
    try:
        tags = clean_tags(values)
    except ValidationFailed:  # blank, or with a control character
        return
    assert clean_tags(tags) == tags
    assert len(set(tags)) == len(tags) <= 20


def test_text_is_trimmed_and_composed() -> None:
    assert clean("  Cre\u0302pe \t pan ", field="name", at_most=20) == "Crêpe pan"


def test_lines_stay_where_they_are_wanted() -> None:
    assert clean("one  two\r\nthree", field="description", at_most=20, lines=True) == "one two\nthree"


@pytest.mark.parametrize("value", ["", " \t", "x" * 11, "a\x00b", "a\x1bb"])
def test_unfit_text_is_refused(value: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        clean(value, field="name", at_most=10)
    assert refusal.value.field == "name"


GROWING = "\ufdfa" * 1_000_000


@pytest.mark.parametrize(
    "check",
    [
        lambda: clean(GROWING, field="name", at_most=200),
        lambda: clean(GROWING, field="name", at_most=5000, lines=True),
        lambda: clean_slug(GROWING),
        lambda: clean_sku(GROWING),
        lambda: clean_tags([GROWING]),
    ],
    ids=["name", "description", "slug", "sku", "tags"],
)
def test_megabyte_that_grows_is_refused_by_its_length(check) -> None:
    started = time.process_time()
    with pytest.raises(ValidationFailed):
        check()
    assert time.process_time() - started < 0.1


def test_text_that_is_short_once_it_is_trimmed_passes() -> None:
    assert clean(" " * 500 + "mug" + " " * 200, field="name", at_most=200) == "mug"


@pytest.mark.parametrize(("sku", "key"), [(" Kit-24 ", "kit-24"), ("", None), ("a b", None), ("ß", None)])
def test_skus_are_compared_without_case_where_they_are_skus(sku: str, key: str | None) -> None:
    assert sku_key(sku) == key
