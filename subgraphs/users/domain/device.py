"""Where a request came from, and what people call the device that its `User-Agent` header tells of."""

from dataclasses import dataclass

# In this order: browsers name in their header those that they descend from.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a request came from, as far as it says."""

    user_agent: str
    address: str


def device_name(user_agent: str) -> str:
    """Such as "Firefox on Linux"; what is no browser by its own name, as "curl/8.14.1"."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    if browser is None:
        product = (user_agent.split() or ["Unknown"])[0]
        return product if "/" in product else user_agent.strip() or product
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    return f"{browser} on {system}" if system else browser
