"""Write docs/coverage.md: python benchmarks/coverage.py [LADDERS]."""

import sys
from pathlib import Path

from forescale import laws
from forescale.uncertainty.coverage import NOISES, coverage

HEAD = """# Coverage of the default interval

Printed by `python benchmarks/coverage.py {ladders}`. Simulated ladders from the law itself (Chinchilla form, the constants
of Besiroglu et al.), fitted with the default objective and judged at ten times the largest compute. Nominal level 90 %.
*usual* is the percentile bootstrap of single rows for the fitted mean, the interval in common use, judged on the same
new runs. Noise is simulated; what no column shows is a law that is wrong in form.

| noise | ladders | new run | N* | usual | median width in log loss |
|---|---|---|---|---|---|
"""


def main():
    ladders = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    law = laws.get("chinchilla")
    text = HEAD.format(ladders=ladders)
    for noise in NOISES:
        c = coverage(law, law.preset("besiroglu"), noise, ladders)
        text += f"| {noise} | {ladders} | {c.new_run:.1%} | {c.optimum:.1%} | {c.usual:.1%} | {c.width:.4f} |\n"
    path = Path(__file__).parents[1] / "docs" / "coverage.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
