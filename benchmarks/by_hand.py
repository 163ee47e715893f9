"""The laws as a careful user writes them for scipy: log value and its gradient by hand, in log coordinates."""

import numpy as np


def by_hand(name, x, rng, count):
    """(function q -> log law (n,), gradient (k, n); start points (count, k)) of a law on inputs x."""
    if name.startswith("broken"):
        return broken(np.log(x["x"]), int(name[-1]), rng, count)
    log_n, log_d = np.log(x["params"]), np.log(x["tokens"])
    return {"chinchilla": chinchilla, "kaplan": kaplan, "farseer": farseer}[name](log_n, log_d, rng, count)


def chinchilla(log_n, log_d, rng, count):
    def log_law(q):
        e, a, b = np.exp(q[0]), np.exp(q[1] - q[3] * log_n), np.exp(q[2] - q[4] * log_d)
        total = e + a + b
        a, b = a / total, b / total
        return np.log(total), np.stack((e / total, a, b, -a * log_n, -b * log_d))

    low, high = np.log(0.3), np.log(3.0)
    boxes = [(low, high), (0, np.log(1e6)), (0, np.log(1e6)), (0.05, 0.95), (0.05, 0.95)]
    return log_law, uniform(boxes, rng, count)


def kaplan(log_n, log_d, rng, count):
    def log_law(q):
        nc, dc, an, ad = q
        u, v = an / ad * (nc - log_n), dc - log_d
        s = np.logaddexp(u, v)
        a, b = np.exp(u - s), np.exp(v - s)
        return ad * s, np.stack((a * an, ad * b, a * (nc - log_n), s - a * u))

    scale = (np.log(1e8), np.log(1e18))
    return log_law, uniform([scale, scale, (0.02, 0.8), (0.02, 0.8)], rng, count)


def broken(log_x, breaks, rng, count):
    def log_law(q):
        out, parts = q[1] - q[2] * log_x, []
        for i in range(breaks):
            c, d, f = q[3 + 3 * i : 6 + 3 * i]
            f = np.exp(f)
            t = (log_x - d) / f
            soft, step = np.logaddexp(0, t), 1 / (1 + np.exp(-t))
            out = out - c * f * soft
            parts += [-f * soft, c * step, -c * f * soft + c * f * t * step]
        power, floor = np.exp(out), np.exp(q[0])
        total = power + floor
        share = power / total
        return np.log(total), np.stack((floor / total, share, -share * log_x, *(share * p for p in parts)))

    boxes = [(np.log(1e-3), np.log(10)), (np.log(1e-3), np.log(1e6)), (-0.2, 1.5)]
    boxes += [(-1.5, 1.5), (log_x.min(), log_x.max()), (np.log(0.05), np.log(2))] * breaks
    return log_law, uniform(boxes, rng, count)


def farseer(log_n, log_d, rng, count):
    def log_law(q):
        a3, b3, g3, a2, b2, g2, a1, b1, g1 = q
        n3, n2, n1 = (np.exp(g * log_n) for g in (g3, g2, g1))
        power = np.exp(a1 * n1 + b1)
        size, data = np.exp(a3 * n3 + b3), np.exp(a2 * n2 + b2 - power * log_d)
        total = size + data
        s, d = size / total, data / total
        e = -d * log_d * power
        rows = (s * n3, s, s * a3 * n3 * log_n, d * n2, d, d * a2 * n2 * log_n, e * n1, e, e * a1 * n1 * log_n)
        return np.log(total), np.stack(rows)

    boxes = [(-5, 5), (-5, 5), (-0.6, 0.6)] * 3
    return log_law, uniform(boxes, rng, count)


def uniform(boxes, rng, count):
    low, high = np.array(boxes, float).T
    return low + (high - low) * rng.random((count, len(boxes)))
