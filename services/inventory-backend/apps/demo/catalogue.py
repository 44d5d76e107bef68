"""What a coffee roaster sells to cafes: the items of the demo, as plain values."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from apps.catalog.types import Tracking


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One item; `pack` is how suppliers pack it (unit code, base units), `shelf_life` in days."""

    sku: str
    name: str
    unit: str = "ea"
    tracking: Tracking = Tracking.NONE
    supplier: str = ""
    pack: tuple[str, Decimal] | None = None
    shelf_life: int | None = None


# How suppliers pack. The codes are new units of the dimension `package`, worth what each item says.
PACKAGES = {"sack": "Sack", "case": "Case", "tray": "Tray"}

_ORIGINS = {
    "ETH": "Ethiopia Yirgacheffe",
    "KEN": "Kenya Nyeri AA",
    "RWA": "Rwanda Nyamasheke",
    "BDI": "Burundi Kayanza",
    "COL": "Colombia Huila",
    "GTM": "Guatemala Antigua",
    "CRI": "Costa Rica Tarrazú",
    "HND": "Honduras Copán",
    "BRA": "Brazil Cerrado",
    "PER": "Peru Cajamarca",
    "SUM": "Sumatra Mandheling",
    "IND": "India Malabar",
    "HSE": "House Blend",
    "ESP": "Espresso Blend",
    "DEC": "Decaf Blend",
    "NIT": "Night Shift Blend",
}
_TEAS = (
    "Assam", "Darjeeling", "Earl Grey", "Sencha", "Jasmine", "Oolong",
    "Rooibos", "Peppermint", "Chamomile", "Ginger Lemon", "Hibiscus", "Masala Chai",
)  # fmt: skip
_SYRUPS = (
    "Vanilla", "Caramel", "Hazelnut", "Almond", "Cinnamon", "Coconut", "Maple",
    "Pumpkin Spice", "Chocolate", "White Chocolate", "Gingerbread", "Lavender", "Cane Sugar", "Salted Caramel",
)  # fmt: skip
_DRINKS = ("Oat Drink Barista", "Soy Drink Barista", "Almond Drink", "Pea Drink", "Coconut Drink", "Rice Drink")
_MACHINES = (
    "Espresso Machine 1-Group", "Espresso Machine 2-Group", "Espresso Machine 3-Group", "Filter Brewer Single",
    "Filter Brewer Twin", "Grinder On-Demand 64 mm", "Grinder On-Demand 83 mm", "Grinder Shop",
    "Water Boiler 10 l", "Milk Cooler 4 l", "Batch Roaster 5 kg", "Cold Brew Tap",
)  # fmt: skip
_PARTS = (
    "Group Gasket 73 mm", "Shower Screen", "Portafilter Basket 18 g", "Portafilter Basket 21 g", "Steam Tip 4-Hole",
    "Steam Wand O-Ring", "Solenoid Valve", "Pressure Gauge", "Vibration Pump", "Rotary Pump", "Heating Element 2 kW",
    "Burr Set 64 mm", "Burr Set 83 mm", "Hopper 1.2 kg", "Hopper Lid", "Drip Tray", "Boiler Probe", "Flow Meter",
    "Expansion Valve", "Check Valve", "Thermostat", "Power Switch", "Keypad 4-Button", "Drain Hose 1 m",
    "Inlet Hose 1.5 m", "Water Filter Head", "Water Filter Cartridge", "Portafilter Handle", "Spout Double",
    "Bottomless Portafilter",
)  # fmt: skip
_GEAR = (
    "Tamper 58 mm", "Distribution Tool", "Knock Box", "Milk Jug 350 ml", "Milk Jug 600 ml", "Milk Jug 1 l",
    "Dosing Cup", "Tamping Mat", "Scale 2 kg", "Thermometer", "Dripper 01", "Dripper 02", "Filter Papers 01 x100",
    "Filter Papers 02 x100", "Server 600 ml", "French Press 350 ml", "French Press 1 l", "Moka Pot 6 Cups",
    "Gooseneck Kettle 1 l", "Hand Grinder", "Cupping Bowl", "Cupping Spoon",
)  # fmt: skip
_CARE = (
    "Machine Cleaner 900 g", "Milk System Cleaner 1 l", "Grinder Cleaner 430 g", "Descaler 1 l",
    "Cleaning Brush", "Blind Filter", "Barista Cloth x10", "Surface Spray 500 ml",
)  # fmt: skip


def products() -> Iterator[Product]:
    """Yield every item of the demo, always in the same order."""
    yield from _coffees()
    yield from _foods()
    yield from _supplies()
    for number, name in enumerate(_MACHINES, 1):
        yield Product(sku=f"MAC-{number:03}", name=name, tracking=Tracking.SERIAL, supplier="Macchine Bianchi")


def _coffees() -> Iterator[Product]:
    lot = Tracking.LOT
    for code, name in _ORIGINS.items():
        yield Product(
            sku=f"GRN-{code}", name=f"{name}, green", unit="kg", tracking=lot, supplier="Green Harvest Trading",
            pack=("sack", Decimal(60)), shelf_life=540,
        )  # fmt: skip
        for size, text in (("250", "beans 250 g"), ("1000", "beans 1 kg"), ("250G", "ground 250 g")):
            yield Product(
                sku=f"COF-{code}-{size}", name=f"{name}, {text}", tracking=lot, supplier="Own roastery",
                pack=("case", Decimal(12)), shelf_life=270,
            )  # fmt: skip


def _foods() -> Iterator[Product]:
    kinds = (("TEA", "Tea", _TEAS, 720), ("SYR", "Syrup", _SYRUPS, 540), ("DRK", "", _DRINKS, 240))
    for prefix, title, names, shelf_life in kinds:
        for number, name in enumerate(names, 1):
            forms = (("100 g", "A"), ("50 bags", "B")) if prefix == "TEA" else (("1 l", ""),)
            for form, suffix in forms:
                yield Product(
                    sku=f"{prefix}-{number:02}{suffix}", name=f"{title} {name} {form}".strip(),
                    tracking=Tracking.LOT, supplier="Feinkost Nord", pack=("case", Decimal(6)), shelf_life=shelf_life,
                )  # fmt: skip


def _supplies() -> Iterator[Product]:
    for ounces in (4, 8, 12, 16, 20):
        for code, name in (("CUP", "Paper Cup"), ("LID", "Lid"), ("SLV", "Sleeve"), ("GLS", "Glass Cup")):
            yield Product(
                sku=f"{code}-{ounces:02}", name=f"{name} {ounces} oz", supplier="Pack & Paper",
                pack=("case", Decimal(50)),
            )  # fmt: skip
    for prefix, names, supplier in (
        ("PRT", _PARTS, "Macchine Bianchi"),
        ("GER", _GEAR, "Barista Depot"),
        ("CAR", _CARE, "Barista Depot"),
    ):
        for number, name in enumerate(names, 1):
            yield Product(sku=f"{prefix}-{number:03}", name=name, supplier=supplier)
