"""Published rules without numbers: what to do in which case."""

from ..law import Source
from .spec import Advice

ADVICE = {
    a.name: a
    for a in (
        Advice(
            "shape_resnet_rs",
            ("depth", "width", "resolution"),
            (
                ("the schedule is long enough to overfit (hundreds of epochs)", "scale depth"),
                ("the schedule is short (tens of epochs)", "scale width"),
                ("either", "grow the resolution more slowly than compound scaling does"),
            ),
            Source("arXiv:2103.07579", "Bello et al. 2021, Revisiting ResNets: Improved Training and Scaling Strategies", "4"),
            "ResNets on ImageNet, with regularization grown along",
            "small models at full length only hint at it: extrapolating shapes from short runs misleads",
            "Depth where the schedule can overfit, width where it cannot.",
        ),
        Advice(
            "lr_horizon_regimes",
            ("learning_rate", "batch_size"),
            (
                ("the batch is far from the critical batch of the horizon on one side", "the best rate grows as sqrt(T)"),
                ("the batch is near the critical batch", "the best rate does not change with the horizon"),
                ("the batch is far on the other side", "the best rate falls as 1 / sqrt(T)"),
            ),
            Source(
                "arXiv:2410.05838",
                "Filatov et al. 2024, Time Transfer: On Optimal Learning Rate and Batch Size In The Infinite Data Limit",
                "the first version's abstract",
                checked="unverified",
            ),
            "language models under muP; the critical batch grows in proportion to the horizon T",
            "regimes of the first version; which side is which and the crossover function are not given here",
            "The best learning rate moves with the horizon in three regimes, set by the batch over the critical batch.",
        ),
        Advice(
            "tune_once",
            ("learning_rate", "weight_decay"),
            (
                ("runs of different size are compared or fitted", "tune rate, batch and beta2 at each size, or transfer by muP"),
                ("a cosine schedule is used", "match its length to each run; a longer one makes short runs look bad"),
            ),
            Source(
                "arXiv:2406.19146",
                "Porian et al. 2024, Resolving Discrepancies in Compute-Optimal Scaling of Language Models",
                "the order of corrections",
            ),
            "decoder language models, 5M to 900M",
            "says what bends an exponent, not by how much elsewhere",
            "Untuned small runs bend the exponent of N* from 0.5 towards 0.8.",
        ),
    )
}
