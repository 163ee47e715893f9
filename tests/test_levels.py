"""A level is what it says, wherever one can be asked for: wider for more, and refused in one line where it is none."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ndtri

import forescale as fs
from forescale import laws, studies
from forescale.compare import transfer, transfer_matrix
from forescale.errors import InputError
from forescale.forecast import chain_forecast, downstream, observational, pass_forecast
from forescale.plan import configure, fit_skills, hparams, inference_optimal, isoflop, skills
from forescale.quantities import tails
from forescale.runs import Runs
from forescale.uncertainty import profile

LEVELS = (0.3, 0.5, 0.9, 0.99)
LAW = laws.get("chinchilla")
VALUES = LAW.preset("besiroglu")
rng = np.random.default_rng(0)
N, PER = np.geomspace(2e7, 2e9, 9).repeat(5), np.tile([5.0, 10, 20, 40, 80], 9)
RUNS = Runs(
    {"params": N, "tokens": N * PER, "loss": LAW(VALUES, params=N, tokens=N * PER) * np.exp(0.005 * rng.standard_normal(45))}
)
FIT = fs.fit(LAW, RUNS, resamples=200)
OLD = np.asarray(RUNS["loss"])
NEW = (0.2 + 0.9 * OLD) * np.exp(0.003 * rng.standard_normal(45))
FLOPS = 6 * N * N * PER
STEPS = np.arange(200.0, 12_000, 50)
LOG = {"steps": STEPS, "loss": 2 + 6 * STEPS**-0.4 * np.exp(0.003 * rng.standard_normal(len(STEPS)))}
ABILITY = rng.uniform(-2, 2, 24)
SCORES = 1 / (1 + np.exp(-(ABILITY[:, None] + rng.normal(0, 0.3, (24, 5)))))
MODELS = [f"m{i}" for i in range(24)]
CHOICES = np.minimum(
    -2 + 0.3 * np.log10(np.geomspace(1e18, 1e21, 6) / 1e19)[:, None, None] + rng.normal(0, 0.3, (6, 40, 4)), -0.05
)


def sweep():
    x = np.exp(np.linspace(-1.5, 1.5, 6))
    n, lr = np.repeat(np.geomspace(2e7, 5e8, 5), 6), np.tile(3e-3 * x, 5)
    loss = (2 + n**-0.1) * np.exp(0.03 * np.log(lr / 3e-3 * (n / 1e8) ** 0.3) ** 2 + 1e-3 * rng.standard_normal(30))
    return Runs({"params": n, "tokens": 20 * n, "learning_rate": lr, "loss": loss})


def languages():
    t = {k: np.exp(rng.uniform(np.log(1e8), np.log(1e10), 160)) for k in ("de", "fr")}
    loss = np.concatenate([1.6 + 400 * (t[a] + 0.4 * t[b]) ** -0.32 for a, b in (("de", "fr"), ("fr", "de"))])
    names = np.repeat(np.array(["de", "fr"], object), 160)
    both = {f"t_{k}": np.r_[v, v] for k, v in t.items()}
    return Runs({"loss": loss * np.exp(0.003 * rng.standard_normal(320)), "language": names, **both})


def valleys():
    c = np.repeat(np.geomspace(1e19, 1e21, 4), 9)
    n = np.sqrt(c / 120) * np.tile(np.geomspace(1 / 6, 6, 9), 4)
    loss = LAW(VALUES, params=n, tokens=c / (6 * n)) * np.exp(0.002 * np.random.default_rng(1).standard_normal(36))
    return Runs({"params": n, "flops": c, "loss": loss})


SWEEP, LANGUAGES, VALLEYS = sweep(), languages(), valleys()
ARMS = studies.load("arms")
ARMS = ARMS.where(np.isin(ARMS["arm"], sorted(set(ARMS["arm"]))[:2]))
ERRORS = Runs({**RUNS.columns, "error": 0.9 - 0.7 * np.exp(-0.8 * OLD) * np.exp(0.02 * rng.standard_normal(45))})
SKILLS = Runs({k: np.r_[v, v] for k, v in RUNS.columns.items()} | {"skill": np.repeat(np.array(["a", "b"], object), 45)})
BIG = {"params": 1e10, "tokens": 2e11}


def ends(found):
    return float(found.low if np.ndim(found.low) == 0 else found.low[0]), float(
        found.high if np.ndim(found.high) == 0 else found.high[0]
    )


ASKED = {
    "fit.interval": lambda v: FIT.interval("alpha", v),
    "fit.predict": lambda v: ends(FIT.predict(v, **BIG)),
    "profile": lambda v: profile(FIT, "alpha", v),
    "plan": lambda v: fs.plan(FIT, 1e22, v).params[1:],
    "inference": lambda v: inference_optimal(FIT, "1T", params="1B", level=v).params[1:],
    "skills": lambda v: skills(fit_skills(LAW, SKILLS, "skill"), 1e22, level=v).params["a"][1:],
    "isoflop": lambda v: isoflop(VALLEYS, level=v, resamples=200).exponent[1:],
    "hparams": lambda v: hparams(SWEEP, params="2B", tokens="40B", level=v, resamples=30).values["learning_rate"][1:],
    "configure": lambda v: configure(FIT, 1e22, level=v).loss[1:],
    "compare": lambda v: fs.compare(ARMS, by="arm", level=v, draws=100).pairs[0].multiplier[1:],
    "languages": lambda v: transfer_matrix(LANGUAGES, {"de": "t_de", "fr": "t_fr"}, level=v).worth["de"]["fr"][1:],
    "transfer": lambda v: ends(transfer(RUNS, OLD, NEW, level=v, **BIG)),
    "downstream": lambda v: ends(downstream(ERRORS, "error", level=v, **BIG)),
    "pass_forecast": lambda v: ends(pass_forecast(np.geomspace(3e7, 1e9, 6), np.array([900, 500, 240, 130, 80, 40]), 6, 4e9, v)),
    "chain": lambda v: chain_forecast(CHOICES, np.zeros(40, int), np.geomspace(1e18, 1e21, 6), 1e22, level=v).scores["accuracy"][
        1:
    ],
    "public models": lambda v: observational(SCORES, MODELS, dict(zip(MODELS[:16], SCORES[:16, 0], strict=True))).predict(
        "m20", v
    )[1:],
    "forecast": lambda v: ends(fs.forecast(RUNS, interval=v, **BIG)),
    "watch": lambda v: ends(fs.watch(LOG, until=16_000, interval=v)),
}


@pytest.mark.parametrize("name", ASKED)
def test_more_is_wider_by_what_a_bell_or_heavier_tails_ask(name):
    found = {v: ASKED[name](v) for v in LEVELS}
    for less, more in pairwise(LEVELS):
        (a, b), (c, d) = found[less], found[more]
        assert c <= a < b <= d and (c, d) != (a, b), (less, more, found)
    a, b = found[0.5]
    c, d = found[0.9]
    bell = ndtri(0.95) / ndtri(0.75)  # 2.44; a quarter below for few draws and bounds, up to twice for heavy tails
    assert 0.7 * bell < (d - c) / (b - a) < 2 * bell, found


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("wrong", [90, 0, 1, -0.1, float("nan")])
def test_what_is_no_level_is_refused(name, wrong):
    with pytest.raises(InputError, match="must lie between 0 and 1") as said:
        ASKED[name](wrong)
    assert "\n" not in str(said.value) and ("write 0.9 for 90 %" in str(said.value)) == (wrong == 90)


def test_tails():
    assert tails(0.9) == pytest.approx((0.05, 0.95)) and tails(0.5) == (0.25, 0.75)
