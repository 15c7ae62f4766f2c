"""A small catalogue in which the golden set of searches has one right answer each."""

from decimal import Decimal

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.products.domain.lists import ProductFilter, ProductSort
from subgraphs.products.domain.products import NewProduct
from subgraphs.products.domain.search.query import Query
from subgraphs.products.domain.search.results import Search
from subgraphs.products.service.search import SearchPage, SearchService

PRODUCTS = [
    NewProduct(
        name=name, price=Decimal(price), sku=sku, tags=tags.split(), category=category, description=text
    )
    for name, price, sku, tags, category, text in (
        ("Cast-Iron Skillet", "49.00", "KIT-SKL-26", "induction oven-safe", "Cookware", "Holds its heat."),
        ("Carbon-Steel Wok", "39.00", "KIT-WOK-32", "induction", "Cookware", "Hammered, searing hot."),
        ("Chef's Knife", "89.00", "KNF-CHF-20", "forged wood", "Knives", "The handle grows darker."),
        ("Paring Knife", "29.00", "KNF-PAR-09", "forged", "Knives", "Apples, garlic, string."),
        ("Over-Ear Headphones", "199.00", "AUD-HPH-OE", "wireless", "Audio", "Forty hours a charge."),
        ("Studio Headphones", "249.00", "AUD-HPH-ST", "wired", "Audio", "An honest sound for mixing."),
        (
            "Pocket Speaker",
            "59.00",
            "AUD-SPK-PT",
            "wireless waterproof",
            "Audio",
            "Louder than a bar of soap.",
        ),
        ("Kettle by Fjällräven", "79.00", "KET-FJA-01", "steel", "Kitchen", "Pours a café crème."),
        ("Women's Merino Cardigan", "120.00", "KNW-CRD-MR", "wool merino", "Knitwear", "Horn buttons."),
        ("Kids' Lambswool Jumper", "65.00", "KNW-JMP-LW", "wool", "Knitwear", "No seam rubs."),
        ("不锈钢保温杯", "25.00", "CUP-CN-01", "steel", "Kitchen", "双层真空 保温十二小时"),
        ("陶瓷茶杯", "18.00", "CUP-CN-02", "stoneware", "Kitchen", "手工制作"),
        ("炊飯器", "180.00", "RICE-JP-1", "induction", "Kitchen", "ごはんがおいしい"),
        ("Mechanical Keyboard", "149.00", "CMP-KBD-TK", "usb-c wired", "Computing", "Quiet switches."),
        ("Vertical Mouse", "69.00", "CMP-MOU-VT", "wireless ergonomic", "Computing", "Turns the wrist."),
        ("Logitech Trackball", "99.00", "LOG-TRB-01", "wireless", "Computing", "For small desks."),
        ("Batteries, Pack of Eight", "9.00", "BAT-AA-8", "aa", "Power", "Last for years."),
        ("Berry Bowl", "21.00", "TAB-BER-01", "stoneware", "Tableware", "For strawberries."),
        ("Straße Street Sign", "35.00", "SGN-STR-1", "enamel", "Decoration", "For a hallway."),
        ("हिन्दी किताब", "12.00", "BOK-HIN-1", "books", "Books", "Devanagari."),
    )
]

GOLDEN: dict[str, set[str]] = {
    # other forms of a word
    "headphone": {"AUD-HPH-OE", "AUD-HPH-ST"},
    "knives": {"KNF-CHF-20", "KNF-PAR-09"},
    "battery": {"BAT-AA-8"},
    "berries": {"TAB-BER-01"},
    "speakers": {"AUD-SPK-PT"},
    "woks": {"KIT-WOK-32"},
    "women cardigan": {"KNW-CRD-MR"},
    "chefs knife": {"KNF-CHF-20"},
    "kid jumper": {"KNW-JMP-LW"},
    # Chinese and Japanese, of one character and of more
    "杯": {"CUP-CN-01", "CUP-CN-02"},
    "茶": {"CUP-CN-02"},
    "保温": {"CUP-CN-01"},
    "茶杯": {"CUP-CN-02"},
    "保温杯": {"CUP-CN-01"},
    "炊飯": {"RICE-JP-1"},
    # accents and case, left out or not
    "fjallraven": {"KET-FJA-01"},
    "FJÄLLRÄVEN kettle": {"KET-FJA-01"},
    "cafe creme": {"KET-FJA-01"},
    "strasse": {"SGN-STR-1"},
    "किताब": {"BOK-HIN-1"},
    # the beginning of the last word
    "keyb": {"CMP-KBD-TK"},
    "merino card": {"KNW-CRD-MR"},
    "over ear headp": {"AUD-HPH-OE"},
    "skil": {"KIT-SKL-26"},
    # brands
    "logitech": {"LOG-TRB-01"},
    "logitech trackballs": {"LOG-TRB-01"},
    # SKUs, in any case and punctuation
    "KIT-SKL-26": {"KIT-SKL-26"},
    "aud-hph-st": {"AUD-HPH-ST"},
    "cmp kbd tk": {"CMP-KBD-TK"},
    "BATAA8": {"BAT-AA-8"},
    # one typing error: left out, added, changed, swapped
    "hedphones": {"AUD-HPH-OE", "AUD-HPH-ST"},
    "keybooard": {"CMP-KBD-TK"},
    "skollet": {"KIT-SKL-26"},
    "logitehc": {"LOG-TRB-01"},
    "vertcal mouse": {"CMP-MOU-VT"},
    # tags, categories, descriptions
    "induction": {"KIT-SKL-26", "KIT-WOK-32", "RICE-JP-1"},
    "knitwear": {"KNW-CRD-MR", "KNW-JMP-LW"},
    "wireless audio": {"AUD-HPH-OE", "AUD-SPK-PT"},
    "strawberries": {"TAB-BER-01"},
    # most of the words, where no product has all of them
    "pocket speaker waterproof zzzz": {"AUD-SPK-PT"},
}


def search(
    text: str,
    *,
    sort: ProductSort = ProductSort.RELEVANCE,
    first: int = 100,
    after: str | None = None,
    **fields: object,
) -> Search:
    """A search with the filter that `fields` are."""
    wanted = ProductFilter.of(**fields)  # type: ignore[arg-type]
    return Search(query=Query.parse(text), filter=wanted, sort=sort, first=first, after=after)


async def found(service: SearchService, text: str, **fields: object) -> list[str]:
    """The SKUs of the first hundred products found, in their order."""
    return skus(await service.search(ANONYMOUS, search(text, **fields)))  # type: ignore[arg-type]


def skus(page: SearchPage) -> list[str]:
    return [row.product.sku for row, _ in page.rows]
