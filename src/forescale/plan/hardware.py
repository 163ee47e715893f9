"""Accelerators, and budgets said in hours, days, money or energy turned into FLOP."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import InputError, one_of
from ..quantities import format_number, parse_number, parse_positive
from ..shown import Shown


@dataclass(frozen=True)
class Accelerator:
    """Dense peaks in FLOP/s by precision, `memory` bytes, `bandwidth` bytes/s, `watts` of the board; as the maker states."""

    name: str
    peak: dict[str, float]
    memory: float
    bandwidth: float
    watts: float
    source: str


def _chip(name: str, memory: float, bandwidth: float, watts: float, source: str, **peaks: float) -> Accelerator:
    return Accelerator(name, {k: v * 1e12 for k, v in peaks.items()}, memory * 1e9, bandwidth * 1e12, watts, source)


ACCELERATORS = {
    a.name: a
    for a in (
        _chip("V100", 32, 0.9, 300, "NVIDIA V100 datasheet, SXM2 32 GB", fp16=125, fp32=15.7),
        _chip("A100", 80, 2.039, 400, "NVIDIA A100 datasheet, SXM 80 GB, dense", bf16=312, fp16=312, tf32=156, int8=624),
        _chip("H100", 80, 3.35, 700, "NVIDIA H100 datasheet, SXM, dense", bf16=989, fp16=989, tf32=494, fp8=1979, int8=1979),
        _chip("H200", 141, 4.8, 700, "NVIDIA H200 datasheet, SXM, dense", bf16=989, fp16=989, tf32=494, fp8=1979, int8=1979),
        _chip("B200", 180, 8.0, 1000, "NVIDIA DGX B200 datasheet, per GPU, dense", bf16=2250, fp16=2250, fp8=4500, fp4=9000),
        _chip("L40S", 48, 0.864, 350, "NVIDIA L40S datasheet, dense", bf16=362, fp16=362, fp8=733),
        _chip("RTX4090", 24, 1.008, 450, "NVIDIA Ada whitepaper, fp32 accumulation, dense", bf16=165, fp16=165, fp8=330),
        _chip("MI250X", 128, 3.2, 560, "AMD MI250X datasheet", bf16=383, fp16=383),
        _chip("MI300X", 192, 5.3, 750, "AMD MI300X datasheet, dense", bf16=1307, fp16=1307, fp8=2615),
        _chip("TPUv4", 32, 1.2, 192, "Jouppi et al. 2023, arXiv:2304.01433; watts are the mean it measured up to", bf16=275),
        _chip("TPUv5e", 16, 0.819, 0, "Google Cloud documentation; power not stated", bf16=197, int8=394),
        _chip("TPUv5p", 95, 2.765, 0, "Google Cloud documentation; power not stated", bf16=459, int8=918),
    )
}
MFU = 0.4  # share of the peak that training uses, where nothing is said


def accelerator(name: str) -> Accelerator:
    """An accelerator by name, without regard to case or dashes."""
    plain = {k.lower(): v for k, v in ACCELERATORS.items()}
    key = name.lower().replace("-", "").replace(" ", "")
    if key not in plain:
        raise one_of("accelerator", name, ACCELERATORS)
    return plain[key]


@dataclass(frozen=True)
class Budget(Shown):
    """`flops` of useful work; the rest is None where the text did not say it. `assumed` lists what was filled in."""

    flops: float
    accelerator: Accelerator | None = None
    hours: float | None = None
    devices: float | None = None
    money: float | None = None
    mfu: float | None = None
    precision: str | None = None
    assumed: tuple[str, ...] = ()

    @property
    def kwh(self) -> float | None:
        """Energy of the boards alone at their stated power: no hosts, network or cooling."""
        if self.hours is None or not self.accelerator or not self.accelerator.watts:
            return None
        return self.hours * self.accelerator.watts / 1000

    @property
    def days(self) -> float | None:
        return self.hours / self.devices / 24 if self.hours and self.devices else None

    def summary(self) -> str:
        parts = [f"{self.flops:.4g} FLOP"]
        if self.hours is not None:
            parts.append(
                f"{format_number(self.hours, 4)} {self.accelerator.name}-hours at {self.mfu:.0%} MFU in {self.precision}"
            )
        if self.days:
            parts.append(f"{self.days:.3g} days on {self.devices:g}")
        if self.money is not None:
            parts.append(f"${format_number(self.money, 4)}")
        if self.kwh:
            parts.append(f"{format_number(self.kwh, 3)} kWh at the boards")
        return "\n".join([" = ".join(parts), *(f"assumed: {a}" for a in self.assumed)])

    def to_dict(self) -> dict:
        name = self.accelerator.name if self.accelerator else None
        return vars(self) | {"accelerator": name, "kwh": self.kwh, "days": self.days}


_WORDS = "write it like 1e23, '30 PF-days', '2048 H100-hours @ 40% MFU', '30 days on 512 H100', '$2M at $2.5 per H100-hour'"
_HOURS = re.compile(r"([\d.,_]+\s*[kmbt]?)\s+([a-z][\w-]*?)[- ](?:hours?|hrs?|h|days?|d)")
_DAYS = re.compile(r"([\d.,]+)\s*(days?|d|hours?|h|weeks?|w)\s+on\s+([\d.,_]+k?)\s*x?\s*([a-z][\w-]*)")
_MONEY = re.compile(r"\$\s*([\d.,_]+\s*[kmbt]?)\s*(?:at|@)\s*\$?\s*([\d.]+)\s*(?:per|/)\s*([a-z][\w-]*?)[- ]?(?:hours?|h)")


def budget(text: str | float, precision: str = "bf16", price: float | None = None) -> Budget:
    """Read a budget: FLOP, PF-days, accelerator-hours, days on so many accelerators, or money at a price per hour.

    MFU is given as `@ 35% MFU`; where it is not, 40 % is assumed and said. `precision` picks the peak; `price` is dollars
    for an accelerator-hour. Raises InputError with the forms it reads.
    """
    if not isinstance(text, str):
        return Budget(parse_positive(text, "budget"))
    plain = text.strip().lower()
    mfu_said = re.search(r"[@,]?\s*(?:at\s+)?([\d.]+)\s*%\s*(?:mfu)?\s*$", plain)
    assumed = []
    mfu = MFU
    if mfu_said:
        mfu = float(mfu_said[1]) / 100
        plain = plain[: mfu_said.start()].strip()
        if not 0 < mfu <= 1:
            raise InputError(f"budget {text!r}: an MFU of {mfu:.0%} is outside 0 to 100 %")
    spent = _accelerator_hours(plain, text)
    if spent is None:
        if mfu_said:
            raise InputError(f"budget {text!r}: an MFU needs accelerator-hours; {_WORDS}")
        if plain.startswith("$"):
            raise InputError(f"budget {text!r}: money needs a price per accelerator-hour; {_WORDS}")
        try:
            return Budget(parse_positive(text, "budget"))
        except InputError as error:
            raise InputError(f"{error}; a budget: {_WORDS}") from None
    hours, devices, money, chip = spent
    if precision not in chip.peak:
        raise one_of(f"precision of {chip.name}", precision, chip.peak)
    if not mfu_said:
        assumed.append(f"{MFU:.0%} of the peak is used (MFU); say '@ 35% MFU' for another")
    if money is None and price is not None:
        money = hours * price
    flops = hours * 3600 * chip.peak[precision] * mfu
    if flops <= 0:
        raise InputError(f"budget {text!r} is not above zero")
    return Budget(flops, chip, hours, devices, money, mfu, precision, tuple(assumed))


def _accelerator_hours(plain: str, text: str) -> tuple[float, float | None, float | None, Accelerator] | None:
    """(hours, devices, money, accelerator), or None where the text speaks of none."""
    if found := _MONEY.fullmatch(plain):
        money, rate = parse_number(found[1].replace(" ", ""), "budget"), float(found[2])
        if rate <= 0:
            raise InputError(f"budget {text!r}: the price per hour must be above zero")
        return money / rate, None, money, accelerator(found[3])
    if found := _DAYS.fullmatch(plain):
        unit = {"d": 24, "h": 1, "w": 168}[found[2][0]]
        devices = parse_number(found[3], "devices")
        return float(found[1].replace(",", "")) * unit * devices, devices, None, accelerator(found[4])
    if (found := _HOURS.fullmatch(plain)) and not found[2].startswith("pf"):
        unit = 24 if plain.rstrip("s").endswith(("day", "-d", " d")) else 1
        return parse_number(found[1].replace(" ", ""), "budget") * unit, None, None, accelerator(found[2])
    return None


def spend(
    flops: float,
    chip: Accelerator,
    mfu: float = MFU,
    devices: float | None = None,
    precision: str = "bf16",
    price: float | None = None,
) -> Budget:
    """What a number of FLOP takes on an accelerator; `price` is dollars for an accelerator-hour."""
    if precision not in chip.peak:
        raise one_of(f"precision of {chip.name}", precision, chip.peak)
    hours = flops / (3600 * chip.peak[precision] * mfu)
    return Budget(flops, chip, hours, devices, None if price is None else hours * price, mfu, precision)
