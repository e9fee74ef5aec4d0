"""A network that takes the image and any part of the table: the system of `vita.extensions.any_part`.

Every feature is a token: one that is there by a linear map of its standardised columns and a shift, as numbers are in
the project's tabular encoder, one that is not there by a learnt token of its own. A token holds, for each disease, log
odds, and a change of how much the image weighs. Tokens are added up; the image comes as the score of its linear head
for each disease, which is multiplied by its weight, always above zero, and added. So with nothing of the table the
order of people is the image's. Most features say nothing of most diseases, hence a penalty on the tokens' absolute
values (the lasso's), chosen on validation. With a few hundred people a hidden layer on the sum learnt less, not more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vita.extensions.availability import VALIDATED, ranks, visible

STEPS = 600
BATCH = 128
RATE = 0.01
PENALTIES = (0.001, 0.003, 0.01, 0.03)  # of the sum of absolute values, for each disease
CHECKED = 10  # steps from one look at validation to the next
FARTHEST = 5.0  # SDs: what is farther off counts as so far
_ONE = float(np.log(np.e - 1))  # softplus of it is 1


@dataclass(frozen=True)
class Inputs:
    """What the network is given of some participants.

    Attributes:
        values_nc: (participants, columns) standardised, 0 where unknown.
        known_nf: (participants, features) bool.
        image_nd: (participants, diseases) score of the image.
    """

    values_nc: np.ndarray
    known_nf: np.ndarray
    image_nd: np.ndarray

    def rows(self, rows: np.ndarray) -> "Inputs":
        """Those of some participants."""
        return Inputs(self.values_nc[rows], self.known_nf[rows], self.image_nd[rows])

    def tensors(self, seen_nf: np.ndarray) -> tuple[Tensor, ...]:
        """What the network is called with where only these features, as far as they are known, are there."""
        values = np.clip(self.values_nc, -FARTHEST, FARTHEST)
        return tuple(
            torch.tensor(each, dtype=torch.float32) for each in (values, self.known_nf & seen_nf, self.image_nd)
        )


class PartNetwork(nn.Module):
    """Log odds of each disease.

    Args:
        feature_of: the feature of each column of the table.
        features: how many.
        diseases: how many.
    """

    feature_of: Tensor

    def __init__(self, feature_of: Sequence[int], features: int, diseases: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(len(feature_of), 2 * diseases))
        self.shift = nn.Parameter(torch.zeros(features, 2 * diseases))
        self.missing = nn.Parameter(torch.zeros(features, 2 * diseases))
        self.base = nn.Parameter(torch.zeros(2 * diseases))
        self.register_buffer("feature_of", torch.tensor(feature_of, dtype=torch.long))

    def forward(self, values_bc: Tensor, seen_bf: Tensor, image_bd: Tensor) -> Tensor:
        """Standardised values, 1 for each feature that is there, the image's scores: to log odds (batch, diseases)."""
        values = values_bc * seen_bf[:, self.feature_of]
        tokens = values @ self.scale + seen_bf @ self.shift + (1 - seen_bf) @ self.missing
        odds, weight = (tokens + self.base).chunk(2, dim=1)
        found: Tensor = odds + F.softplus(weight + _ONE) * image_bd
        return found

    def penalty(self) -> Tensor:
        """Sum of the tokens' absolute values, for each disease."""
        found: Tensor = self.scale.abs().sum() + self.shift.abs().sum() + self.missing.abs().sum()
        return found / (len(self.base) / 2)


def loss_of(logits_bd: Tensor, truth_bd: Tensor) -> Tensor:
    """Mean log loss of the labels that are known; those that are not are NaN."""
    known = ~torch.isnan(truth_bd)
    return F.binary_cross_entropy_with_logits(logits_bd[known], truth_bd[known])


def fit(
    train: Inputs, truth_nd: np.ndarray, validate: Inputs, validate_truth_nd: np.ndarray, feature_of: Sequence[int],
    seed: int,
) -> PartNetwork:  # fmt: skip
    """Train with another random part of the table hidden in each participant each time, from nothing to all of it.

    Args:
        train: training participants.
        truth_nd: their diseases, NaN where unknown.
        validate: validation participants, who choose the penalty and when to stop.
        validate_truth_nd: theirs.
        feature_of: the feature of each column of the table.
        seed: of the run.
    """
    order = ranks(len(validate.known_nf), validate.known_nf.shape[1], draw=0, seed=seed)
    seen = [validate.tensors(visible(order, percent)) for percent in (0, *VALIDATED)]
    given = tuple(torch.cat(parts) for parts in zip(*seen, strict=True))
    truth = torch.tensor(np.tile(validate_truth_nd, (len(seen), 1)), dtype=torch.float32)
    best, least = PartNetwork(feature_of, train.known_nf.shape[1], truth_nd.shape[1]), np.inf
    for penalty in PENALTIES:
        network = PartNetwork(feature_of, train.known_nf.shape[1], truth_nd.shape[1])
        loss = _train(network, penalty, train, truth_nd, (given, truth), seed)
        if loss < least:
            best, least = network, loss
    return best


def _train(
    network: PartNetwork, penalty: float, train: Inputs, truth_nd: np.ndarray,
    validate: tuple[tuple[Tensor, ...], Tensor], seed: int,
) -> float:  # fmt: skip
    """Train a network and leave it as it was when the loss on validation was lowest, which is returned."""
    generator = np.random.default_rng(seed)
    values, known, image = train.tensors(np.ones_like(train.known_nf))
    labels = torch.tensor(truth_nd, dtype=torch.float32)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)
    given, truth = validate
    best, least = {name: value.clone() for name, value in network.state_dict().items()}, np.inf
    for step in range(1, STEPS + 1):
        rows = torch.from_numpy(generator.choice(len(labels), min(BATCH, len(labels)), replace=False))
        hidden = generator.random((len(rows), known.shape[1])) >= generator.random((len(rows), 1))
        seen = known[rows].masked_fill(torch.from_numpy(hidden), 0)
        loss = loss_of(network(values[rows], seen, image[rows]), labels[rows]) + penalty * network.penalty()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % CHECKED == 0:
            with torch.no_grad():
                checked = float(loss_of(network(*given), truth))
            if checked < least:
                best, least = {name: value.clone() for name, value in network.state_dict().items()}, checked
    network.load_state_dict(best)
    return least
